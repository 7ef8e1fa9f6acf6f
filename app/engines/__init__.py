"""What looks at pixels: arrays in, dataclasses out; knows no HTTP and no SQL."""
