"""The exercises of the chapters, one module a chapter; each ends with the tuple of its exercises."""
