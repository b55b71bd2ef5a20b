//! Files whose duplicates are known, read for tests.

use std::{collections::HashMap, path::Path};

use super::{field::Field, profile::Profile};

/// The text of a file of the judged examples, or `None` (with one line printed) where there are none.
pub fn read(file: &str) -> Option<String> {
    let set = std::env::var_os("CRM_SHARED_DATA").map(std::path::PathBuf::from);
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data"));
    let text =
        set.into_iter().chain(folders).find_map(|folder| std::fs::read_to_string(folder.join(file)).ok());
    if text.is_none() {
        println!("skipped: {file} not found");
    }
    text
}

/// The data lines of a tab-separated file, each cut into its columns; the heading is dropped.
pub fn rows(file: &str) -> Vec<Vec<String>> {
    let text = read(file).unwrap_or_default();
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// People of a FEBRL file, without their social security number, and the number of the person behind each.
pub fn people(text: &str) -> (Vec<u32>, Vec<Profile>) {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let line = format!("{} {}", &row[3], &row[4]);
        let profile = Profile::default()
            .person(&row[2], &row[1])
            .plain(Field::BirthDate, &row[9])
            .lines([line.as_str(), &row[5]])
            .place(Field::Locality, &row[6])
            .place(Field::PostalCode, &row[7])
            .place(Field::Region, &row[8]);
        (row[0].split('-').nth(1).unwrap().parse::<u32>().unwrap(), profile)
    });
    rows.unzip()
}

/// A pair by index, and whether people hold it for one party.
pub type Labelled = ((u32, u32), bool);

/// Restaurants of two guides, and the pairs that people labelled.
pub fn restaurants(text: &str) -> (Vec<Profile>, Vec<Labelled>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let (mut profiles, mut known, mut labelled) = (Vec::new(), HashMap::new(), Vec::new());
    for row in reader.records() {
        let row = row.unwrap();
        let mut index = |start: usize| {
            let cells: Vec<&str> = (start..start + 4).map(|cell| bare(&row[cell])).collect();
            let key = format!("{start} {cells:?}");
            *known.entry(key).or_insert_with(|| {
                profiles.push(restaurant(&cells));
                u32::try_from(profiles.len() - 1).unwrap()
            })
        };
        let (a, b) = (index(2), index(8));
        labelled.push(((a.min(b), a.max(b)), &row[1] == "1"));
    }
    (profiles, labelled)
}

fn restaurant(cells: &[&str]) -> Profile {
    let digits: String = cells[3].chars().filter(char::is_ascii_digit).take(10).collect();
    Profile::default()
        .company(cells[0])
        .lines([cells[1]])
        .place(Field::Locality, cells[2])
        .plain(Field::Phone, &format!("+1{digits}"))
}

fn bare(cell: &str) -> &str {
    cell.trim_matches(|c: char| c == '`' || c == '\'' || c == ' ')
}
