use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is shown on the standard error while something long runs.
///
/// It is shown only on a terminal, and only to people.
#[derive(Debug, Clone)]
pub struct Display {
    bar: ProgressBar,
}

impl Display {
    /// Shows something whose end is not known.
    pub fn spinner(visible: bool, what: &'static str) -> Self {
        let style = ProgressStyle::with_template("{spinner} {prefix}: {msg} ({elapsed})");
        Self::new(visible, ProgressBar::no_length(), style).titled(what)
    }

    /// Shows how many of a known number of things are done, with rate and remaining time.
    pub fn counted(visible: bool, what: &'static str, length: u64) -> Self {
        let style = ProgressStyle::with_template(
            "{prefix}: [{bar:24}] {human_pos}/{human_len} ({per_sec}), {msg}, {eta} to go",
        );
        Self::new(visible, ProgressBar::new(length), style).titled(what)
    }

    /// Shows how many of a known number of bytes are read.
    pub fn bytes(visible: bool, what: &'static str, length: u64) -> Self {
        let style = ProgressStyle::with_template(
            "{prefix}: [{bar:24}] {binary_bytes}/{binary_total_bytes}, {msg}, {eta} to go",
        );
        Self::new(visible, ProgressBar::new(length), style).titled(what)
    }

    fn new(
        visible: bool,
        bar: ProgressBar,
        style: Result<ProgressStyle, indicatif::style::TemplateError>,
    ) -> Self {
        // indicatif itself hides what does not go to a terminal.
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        bar.set_draw_target(target);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        if visible {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar }
    }

    fn titled(self, what: &'static str) -> Self {
        self.bar.set_prefix(what);
        self
    }

    /// Says how far it is, in words.
    pub fn say(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Moves on by a number of things.
    pub fn advance(&self, number: u64) {
        self.bar.inc(number);
    }

    /// Takes the display away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
