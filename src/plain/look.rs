//! x
/// l
#[derive(Clone)] pub struct Look { pub color: bool, pub ascii: bool, pub width: usize, pub verbose: bool }
