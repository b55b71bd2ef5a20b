//! What an update makes of a record: the caller's fields merged into it, and values that came back as the caller sees them masked left as
//! they are. The order of the two is decided here, once.
//!
//! Not here: which fields a record lets callers change, and what the change means.

use prost::{Message, Name};
use prost_types::FieldMask;

use crate::{
    error::Result,
    mask,
    sensitivity::{self, Masks},
};

/// What an update sent: the message, the path it stands under in the request, and the mask.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'s, M> {
    /// Name of the message in the request.
    pub field: &'static str,
    /// The message.
    pub message: &'s M,
    /// Fields to change.
    pub update_mask: Option<&'s FieldMask>,
}

impl<M: Message + Name + Default> Sent<'_, M> {
    /// `current` with the fields that the caller changes, except the `fixed` ones. Of these, a value that only repeats what the caller sees
    /// masked keeps the real one; fields outside the mask are not looked at, so what they hold is no error.
    pub fn merge_into(&self, current: &M, fixed: &[&str], masks: &Masks) -> Result<M> {
        let descriptor = crm_proto::message(&M::full_name());
        let merged = mask::merge(&descriptor, current, self.message, self.update_mask, fixed)?;
        if masks.any() {
            sensitivity::restore(&descriptor, self.field, &merged, current, masks)
        } else {
            Ok(merged)
        }
    }
}

#[cfg(test)]
mod tests {
    use crm_proto::crm::platform::v1::User;

    use super::*;
    use crate::sensitivity::{Mask, Sensitivity};

    fn merged(message: &User, paths: &[&str]) -> Result<User> {
        let current = User {
            phone: "+8613812341234".to_owned(),
            email: "li@example.com".to_owned(),
            job_title: "Buyer".to_owned(),
            ..User::default()
        };
        let masks =
            Masks::default().with(Sensitivity::Phone, Mask::Partial).with(Sensitivity::Email, Mask::Hidden);
        let update_mask = FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        let sent = Sent { field: "user", message, update_mask: Some(&update_mask) };
        sent.merge_into(&current, &["job_title"], &masks)
    }

    #[test]
    fn masked_values_stay_and_fields_outside_the_mask_are_not_looked_at() {
        let sent = User { phone: "+86138****1234".to_owned(), ..User::default() };
        let all = merged(&sent, &["*"]).unwrap();
        assert_eq!((all.phone.as_str(), all.email.as_str()), ("+8613812341234", "li@example.com"));
        assert_eq!(all.job_title, "Buyer");
        let other = User { phone: "+86139****9999".to_owned(), username: "li".to_owned(), ..User::default() };
        assert_eq!(merged(&other, &["username"]).unwrap().phone, "+8613812341234");
        assert_eq!(merged(&other, &["phone"]).unwrap_err().violations()[0].code, "MASKED_VALUE");
    }
}
