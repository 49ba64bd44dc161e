/// Why a text is no configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct CfgError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub kind: CfgErrorKind,
}

/// What is wrong with a line of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CfgErrorKind {
    /// The text is longer than [`Cfg::MAX_TEXT`](crate::Cfg::MAX_TEXT).
    #[error("the text has more than {limit} bytes")]
    TooLong {
        /// The most bytes.
        limit: usize,
    },
    /// Sections stand within one another more deeply than
    /// [`Cfg::MAX_DEPTH`](crate::Cfg::MAX_DEPTH).
    #[error("sections stand more than {limit} deep within one another")]
    TooDeep {
        /// How deep they may be.
        limit: usize,
    },
    /// An option or a section has no name, or one that would read as a comment.
    #[error("`{0}` is no name")]
    Name(String),
    /// A name is a path into a section that is not there.
    #[error("there is no section `{0}` to put this into")]
    NoSection(String),
    /// A section begins whose name is taken.
    #[error("`{0}` is there already")]
    Taken(String),
    /// `+=` goes to an option that does not precede it.
    #[error("there is no option `{0}` above to which `+=` could add")]
    NoOption(String),
    /// An option stands in a line with braces in front of it; DIRAC would take them for its name.
    #[error("an option needs a line of its own, without braces in front of it")]
    Brace,
    /// A text is followed neither by `=` nor by `{`.
    #[error("`{0}` is neither an option, for want of `=`, nor a section, for want of `{{`")]
    Stray(String),
    /// There are more `}` than `{`.
    #[error("this `}}` closes nothing")]
    Unopened,
    /// A section is not closed; the line is that of its `{`.
    #[error("the section `{0}` is not closed")]
    Unclosed(String),
}
