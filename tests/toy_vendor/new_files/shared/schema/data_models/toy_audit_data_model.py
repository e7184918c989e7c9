# Each name of this model has a path, so the model has no methods.
