//! Reads JSON that strangers wrote, field by field, and says which field is wrong.
