"""Face engines behind one Protocol (app.engines.base.FaceEngine)."""
