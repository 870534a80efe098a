//! A database that takes no rows for a while, as one on a full disk does.

use rusqlite::Connection;

use super::House;

/// As long as it is there.
pub(crate) struct Refusing {
    database: Connection,
}

impl House {
    /// From now on this table takes no row.
    pub(crate) fn database_that_refuses(&self, table: &str) -> Refusing {
        let database = Connection::open(self.layout().database()).unwrap();
        let refuse = format!(
            "CREATE TRIGGER refusing BEFORE INSERT ON {table}
             BEGIN SELECT RAISE(ABORT, 'no more rows'); END"
        );
        database.execute(&refuse, []).unwrap();
        Refusing { database }
    }
}

impl Refusing {
    pub(crate) fn end(self) {
        self.database.execute("DROP TRIGGER refusing", []).unwrap();
    }
}
