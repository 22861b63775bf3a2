//! What the plain dress shows, held line by line.
