/// One AMF value.
///
/// Objects keep the order of their fields, and all of them where a key comes twice; [`Value::field`] gives the last.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A double; not-a-number and infinities are kept as they came.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A string of any length; bytes that are not UTF-8 became U+FFFD.
    String(String),
    /// An anonymous object (AMF0 2.5).
    Object(Vec<(String, Value)>),
    /// An associative array (AMF0 2.10). Its declared count is a hint that real encoders get wrong; it is not kept.
    EcmaArray(Vec<(String, Value)>),
    /// A dense array (AMF0 2.12).
    StrictArray(Vec<Value>),
    /// A date (AMF0 2.13).
    Date {
        /// Milliseconds since 1970 in UTC.
        millis: f64,
        /// Minutes; reserved, to be ignored.
        zone: i16,
    },
    /// Null.
    Null,
    /// Undefined.
    Undefined,
    /// The text of an XML document (AMF0 2.17).
    Xml(String),
    /// An object of a named class (AMF0 2.18).
    TypedObject {
        /// The class name.
        class: String,
        /// The fields in order.
        fields: Vec<(String, Value)>,
    },
    /// A reference to the n-th complex value of the same message (AMF0 2.9). It is not followed, so that no cycle
    /// and no explosion can come of it.
    Reference(u16),
    /// Bytes (AMF3 3.14).
    ByteArray(Vec<u8>),
    /// A value that its sender could not express (AMF0 2.15).
    Unsupported,
}

impl Value {
    /// The text of a string or XML document.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Xml(text) => Some(text),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The boolean.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(boolean) => Some(*boolean),
            _ => None,
        }
    }

    /// The fields of an object, typed object or associative array, in order.
    #[must_use]
    pub fn fields(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Object(fields) | Self::EcmaArray(fields) | Self::TypedObject { fields, .. } => {
                Some(fields)
            }
            _ => None,
        }
    }

    /// The field called `key`: the last one where there are several.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Self> {
        self.fields()?.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Whether it is null or undefined.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Undefined)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}
