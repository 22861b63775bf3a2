//! Detail.

use ratatui::layout::Rect;

use super::{Act, Id, Screen};
use crate::domain::names::EnvironmentName;
use crate::explain::signs::Paint;
use crate::plan::link::Link;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Press};
use crate::tui::shared::Shared;

/// Detail.
#[derive(Debug)]
pub struct Detail {
    environment: EnvironmentName,
    link: Link,
}

impl Detail {
    /// The detail of a link.
    pub fn new(environment: EnvironmentName, link: Link) -> Self {
        Self { environment, link }
    }
}

impl Screen for Detail {
    fn id(&self) -> Id {
        Id::Detail
    }

    fn about(&self) -> &'static str {
        ""
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        Vec::new()
    }

    fn press(&mut self, _press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        None
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let span = canvas.span(Paint::Plain, self.id().name());
        canvas.line(area, 0, &[span]);
    }
}
