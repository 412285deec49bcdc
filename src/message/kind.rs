//! The types of fields and what each makes of a value (facts §2.6).

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Any non-empty text.
    String,
}
