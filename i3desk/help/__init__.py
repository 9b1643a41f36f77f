"""What i3desk tells about itself: keys, licences, new versions."""
