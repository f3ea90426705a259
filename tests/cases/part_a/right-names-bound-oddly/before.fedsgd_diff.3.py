setattr(Settings, "bs", offset + last - 1)
