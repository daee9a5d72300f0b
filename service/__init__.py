"""HTTP: routes, schemas, errors, access, batching, prediction and hot swap."""
