"""What an instructor does with a whole cohort, and with the homework before it is handed out."""
