%%capture printed
print("batch sizes")
sizes.append(300)
sizes.extend([599, 100])
