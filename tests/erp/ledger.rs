//! What the ERP system remembers, in one file that is replaced as a whole.

use std::{fs, io::Write as _, path::PathBuf};

use serde_json::{Value, json};

/// Bookings by order, and how far the stream of events was read.
pub struct Ledger {
    path: PathBuf,
    content: Value,
}

impl Ledger {
    /// What the file holds; an empty ledger when there is none.
    pub fn open(path: PathBuf) -> Self {
        let content = fs::read(&path).map_or_else(
            |_| json!({"cursor": "", "bookings": {}}),
            |bytes| serde_json::from_slice(&bytes).unwrap(),
        );
        Self { path, content }
    }

    /// Where the stream goes on.
    pub fn cursor(&self) -> String {
        self.content["cursor"].as_str().unwrap().to_owned()
    }

    /// Everything before this position was handled.
    pub fn stand_at(&mut self, cursor: String) {
        if !cursor.is_empty() {
            self.content["cursor"] = cursor.into();
            self.save();
        }
    }

    /// The number under which an order is booked, always the same one; stored when this returns.
    pub fn book(&mut self, order_id: &str, amendment: i32) -> String {
        let bookings = self.content["bookings"].as_object_mut().unwrap();
        let next = format!("ERP-{:06}", bookings.len() + 1);
        let booking = bookings.entry(order_id).or_insert_with(|| json!({"erp_id": next}));
        booking["amendment"] = amendment.into();
        let erp_id = booking["erp_id"].as_str().unwrap().to_owned();
        self.save();
        erp_id
    }

    fn save(&self) {
        let draft = self.path.with_extension("draft");
        let mut file = fs::File::create(&draft).unwrap();
        file.write_all(self.content.to_string().as_bytes()).unwrap();
        file.sync_all().unwrap();
        fs::rename(&draft, &self.path).unwrap();
    }
}
