//! The blueprint: answers and grounds turned into every wanted object. Pure.
