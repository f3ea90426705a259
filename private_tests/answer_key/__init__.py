"""The right answers to the multiple-choice questions, rules that derive them, and the records that bear them out."""
