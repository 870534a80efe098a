//! A table whose end is not known while its beginning is written.

/// Columns that are as wide as the widest cell so far: they widen as they must, and never shrink.
#[derive(Debug, Clone)]
pub struct Columns<const N: usize> {
    widths: [usize; N],
}

impl<const N: usize> Columns<N> {
    /// Columns at least so wide, in characters; the last one has no width.
    pub fn new(widths: [usize; N]) -> Self {
        Self { widths }
    }

    /// One line of inert cells, two spaces between them.
    pub fn line(&mut self, cells: &[String; N]) -> String {
        let mut line = String::new();
        for (number, (cell, width)) in cells.iter().zip(&mut self.widths).enumerate() {
            line.push_str(cell);
            if number + 1 < N {
                let taken = cell.chars().count();
                *width = taken.max(*width);
                line.extend(std::iter::repeat_n(' ', *width - taken + 2));
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_widen_as_they_must() {
        let mut columns = Columns::new([2, 0]);
        let mut line = |a: &str, b: &str| columns.line(&[a.to_owned(), b.to_owned()]);
        assert_eq!(line("a", "x"), "a   x");
        assert_eq!(line("äöüß", "x"), "äöüß  x");
        assert_eq!(line("a", ""), "a");
        assert_eq!(line("a", "x"), "a     x");
    }
}
