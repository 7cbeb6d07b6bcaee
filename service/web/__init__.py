"""HTTP: the application, its routes, problems, middleware, streaming and admission."""
