"""The commands of mxbench, one module each: options in, calls of the rooms out."""
