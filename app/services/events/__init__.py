"""Events: who may see one, its photos, the faces on them, and what guests and organisers do with them."""
