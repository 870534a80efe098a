//! Tables for people.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, ContentArrangement};

use super::Output;
use super::inert::inert;

/// A table of plain text, a heading over each column. Every cell is made inert as it is put in.
#[derive(Debug)]
pub struct Table {
    inner: comfy_table::Table,
}

impl Table {
    /// A table with these headings.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(NOTHING).set_header(headings);
        Self { inner }
    }

    /// A table without any.
    pub fn without_headings() -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(NOTHING);
        Self { inner }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.inner.add_row(cells.map(|cell| Cell::new(inert(cell))));
    }

    /// Whether nothing was put in.
    pub fn is_empty(&self) -> bool {
        self.inner.row_count() == 0
    }

    /// The table's lines, as wide as `output` is.
    pub fn text(&self, output: &Output) -> String {
        let mut table = self.inner.clone();
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        if output.is_wide() {
            table.set_content_arrangement(ContentArrangement::Disabled);
        } else {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines.join("\n")
    }
}
