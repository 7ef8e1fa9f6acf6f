"""Google, from here: signing in with an account there, and searching public Drive folders."""
