//! The fields that tell one person or company from another, and what is known of each before any data is seen.
//!
//! The numbers are judgements about people and clerks, not fitted to a file: how often two records of one party agree in the field, how often
//! two parties of one household or firm do, and how common a value is when nothing has been counted yet.

use crm_kit_api::sensitivity::Sensitivity;

use super::similarity::Level;

/// A field that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Family name of a person.
    FamilyName,
    /// Given name of a person, with middle names.
    GivenName,
    /// Name of a company.
    CompanyName,
    /// Day of birth, `YYYYMMDD`; `0000` for a year that is not known.
    BirthDate,
    /// Registered number: unified social credit code, identity document.
    Identity,
    /// Tax number, which companies of one group may share.
    TaxNumber,
    /// E-mail address, folded.
    Email,
    /// Internet domain of the company.
    Domain,
    /// Telephone number, E.164.
    Phone,
    /// Number of the house.
    House,
    /// First address line without the number.
    Street,
    /// Further address lines and the district.
    District,
    /// City.
    Locality,
    /// Postal code.
    PostalCode,
    /// Province or state.
    Region,
}

/// What is known of a field in advance. The four figures of a level list stand for [`Level`] in its order.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    /// How often two records of one party stand at each level.
    pub same: [f64; 4],
    /// How often two parties of one household or firm do; `None` where they agree no more than strangers.
    pub kin: Option<[f64; 4]>,
    /// How common one value is among strangers.
    pub common: f64,
    /// How often strangers are close and loosely alike.
    pub alike: [f64; 2],
}

impl Field {
    /// Every field, in the order of the comparison.
    pub const ALL: [Self; 15] = [
        Self::FamilyName,
        Self::GivenName,
        Self::CompanyName,
        Self::BirthDate,
        Self::Identity,
        Self::TaxNumber,
        Self::Email,
        Self::Domain,
        Self::Phone,
        Self::House,
        Self::Street,
        Self::District,
        Self::Locality,
        Self::PostalCode,
        Self::Region,
    ];

    /// Its name in rules and explanations.
    pub fn name(self) -> &'static str {
        match self {
            Self::FamilyName => "family_name",
            Self::GivenName => "given_name",
            Self::CompanyName => "company_name",
            Self::BirthDate => "birth_date",
            Self::Identity => "identity",
            Self::TaxNumber => "tax_number",
            Self::Email => "email",
            Self::Domain => "domain",
            Self::Phone => "phone",
            Self::House => "house",
            Self::Street => "street",
            Self::District => "district",
            Self::Locality => "locality",
            Self::PostalCode => "postal_code",
            Self::Region => "region",
        }
    }

    /// The class of the values it is made of. A company's name is everybody's; a domain may come from an e-mail address.
    pub fn class(self) -> Sensitivity {
        match self {
            Self::FamilyName | Self::GivenName => Sensitivity::PersonName,
            Self::BirthDate => Sensitivity::PersonalDate,
            Self::Identity | Self::TaxNumber => Sensitivity::IdentityNumber,
            Self::Email | Self::Domain => Sensitivity::Email,
            Self::Phone => Sensitivity::Phone,
            Self::CompanyName => Sensitivity::Unspecified,
            Self::House
            | Self::Street
            | Self::District
            | Self::Locality
            | Self::PostalCode
            | Self::Region => Sensitivity::Address,
        }
    }

    /// Whether it is part of the address, which changes as a whole when somebody moves.
    pub fn is_address(self) -> bool {
        self >= Self::House
    }

    /// What is known of it in advance.
    pub fn belief(self) -> Belief {
        let belief = |same, kin, common, alike| Belief { same, kin, common, alike };
        match self {
            Self::FamilyName => {
                belief([0.80, 0.11, 0.03, 0.06], Some([0.60, 0.02, 0.01, 0.37]), 2e-3, [4e-3, 2e-2])
            }
            Self::GivenName => belief([0.75, 0.12, 0.04, 0.09], None, 5e-3, [8e-3, 3e-2]),
            Self::CompanyName => belief([0.62, 0.20, 0.10, 0.08], None, 5e-4, [2e-3, 1e-2]),
            Self::BirthDate => belief([0.88, 0.07, 0.02, 0.03], None, 5e-5, [8e-4, 1e-2]),
            Self::Identity => belief([0.93, 0.04, 0.005, 0.025], None, 1e-6, [1e-5, 1e-4]),
            Self::TaxNumber => {
                belief([0.92, 0.04, 0.01, 0.03], Some([0.20, 0.01, 0.01, 0.78]), 1e-5, [1e-5, 1e-4])
            }
            Self::Email => {
                belief([0.62, 0.05, 0.03, 0.30], Some([0.05, 0.01, 0.04, 0.90]), 1e-5, [1e-4, 1e-2])
            }
            Self::Domain => {
                belief([0.80, 0.02, 0.02, 0.16], Some([0.50, 0.01, 0.01, 0.48]), 1e-3, [1e-3, 1e-2])
            }
            Self::Phone => {
                belief([0.62, 0.05, 0.03, 0.30], Some([0.35, 0.02, 0.03, 0.60]), 1e-5, [1e-5, 1e-3])
            }
            Self::House => {
                belief([0.82, 0.06, 0.02, 0.10], Some([0.85, 0.05, 0.02, 0.08]), 2e-2, [1e-1, 1e-1])
            }
            Self::Street => {
                belief([0.70, 0.16, 0.05, 0.09], Some([0.72, 0.16, 0.05, 0.07]), 2e-3, [5e-3, 4e-2])
            }
            Self::District => {
                belief([0.65, 0.15, 0.05, 0.15], Some([0.67, 0.15, 0.05, 0.13]), 5e-3, [5e-3, 4e-2])
            }
            Self::Locality => {
                belief([0.78, 0.12, 0.03, 0.07], Some([0.80, 0.12, 0.03, 0.05]), 2e-2, [5e-3, 3e-2])
            }
            Self::PostalCode => {
                belief([0.82, 0.09, 0.02, 0.07], Some([0.84, 0.09, 0.02, 0.05]), 5e-3, [2e-2, 1e-1])
            }
            Self::Region => {
                belief([0.90, 0.03, 0.01, 0.06], Some([0.91, 0.03, 0.01, 0.05]), 1e-1, [5e-3, 2e-2])
            }
        }
    }
}

impl Belief {
    /// How often two records of one party stand at the level.
    pub fn same_at(&self, level: Level) -> f64 {
        self.same[level as usize]
    }

    /// How often two parties of one household or firm do; `strangers` where they are no more alike than those.
    pub fn kin_at(&self, level: Level, strangers: f64) -> f64 {
        self.kin.map_or(strangers, |kin| kin[level as usize])
    }
}
