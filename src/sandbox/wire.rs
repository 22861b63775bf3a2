//! Habits of the Azure DevOps wire.
