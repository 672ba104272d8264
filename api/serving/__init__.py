"""How the application is served: headers, limits, log lines, figures, and a stop without loss."""
