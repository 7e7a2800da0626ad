//! Which name of a user belongs to which copy of the password. Pure.

use zeroize::Zeroizing;

use super::copies::{Change, Found};
use super::document::{Document, Leaf};
use super::keys;
use super::renewal::{Around, Unclear, path};

/// The values of a document, with what was found in each.
pub(super) struct Logins<'l> {
    document: &'l Document,
    change: &'l Change<'l>,
    around: Around,
    values: Vec<Value<'l>>,
}

struct Value<'l> {
    leaf: &'l Leaf,
    /// A copy of the password and nothing else.
    is_copy: bool,
    /// The part of its key before the word for a user.
    user_of: Option<String>,
    /// The part of its key before the word for a password.
    password_of: Option<String>,
}

impl<'l> Logins<'l> {
    pub(super) fn new(
        document: &'l Document,
        change: &'l Change<'l>,
        around: Around,
        found: &[Found],
    ) -> Self {
        let values = document.leaves.iter().zip(found).map(|(leaf, found)| {
            let key = leaf.text.as_ref().and_then(|_| leaf.place.key());
            Value {
                leaf,
                is_copy: matches!(found, Found::Password(_)),
                user_of: key.and_then(keys::user_prefix),
                password_of: key.and_then(keys::password_prefix),
            }
        });
        Self { document, change, around, values: values.collect() }
    }

    /// The new user for each value that names the user of a copy of the password.
    ///
    /// # Errors
    /// Names a value that may be a user or not.
    pub(super) fn users(&self) -> Result<Vec<Option<Zeroizing<String>>>, Unclear> {
        let mut users = Vec::with_capacity(self.values.len());
        for value in &self.values {
            let renewed = value.leaf.text.as_deref().and_then(|text| self.change.renewed_user(text));
            users.push(match (&value.user_of, renewed) {
                (Some(prefix), Some(new)) if self.follows(value.leaf, prefix)? => Some(new),
                _ => None,
            });
        }
        self.check_copies(&users)?;
        Ok(users)
    }

    /// Whether a user's name belongs to the password. The keys decide: `pass` belongs to `user`, `mq_pass` to `mq_user`. If
    /// there is no such key, any copy in the same object counts. The secret's own `password` is both.
    fn follows(&self, user: &Leaf, prefix: &str) -> Result<bool, Unclear> {
        let is_top = self.is_top(user);
        let beside = || self.values.iter().filter(|value| value.leaf.container == user.container);
        let own = || beside().filter(|value| value.password_of.as_deref() == Some(prefix));
        let is_with_a_copy = own().any(|value| value.is_copy);
        let is_with_another = own().any(|value| !value.is_copy);
        let is_of_the_secret = is_top && prefix.is_empty();
        match (is_with_a_copy, is_with_another) {
            (true, false) => Ok(true),
            (false, false) => {
                let is_beside_a_copy = is_top || beside().any(|value| value.is_copy);
                Ok(is_beside_a_copy && !self.document.in_another_system(user, self.around))
            }
            (true, true) => Err(self.unclear(user, "it is beside two passwords")),
            (false, true) if is_of_the_secret || self.document.names_this_broker(user) => {
                Err(self.unclear(user, "it is a user of this pair beside another password"))
            }
            (false, true) => Ok(false),
        }
    }

    /// Refuses a copy of the password if a text that is not renewed names its user.
    fn check_copies(&self, users: &[Option<Zeroizing<String>>]) -> Result<(), Unclear> {
        for copy in self.values.iter().filter(|value| value.is_copy).map(|value| value.leaf) {
            if self.is_user(copy.place.key()) {
                return Err(self.unclear(copy, "the name of the key is that of a user of this pair"));
            }
            let beside = || {
                let all = self.values.iter().map(|value| value.leaf).zip(users);
                all.filter(|(leaf, _)| leaf.container == copy.container)
            };
            if self.is_top(copy) || beside().any(|(_, user)| user.is_some()) {
                continue;
            }
            let perhaps = beside().find(|(leaf, _)| {
                self.is_user(leaf.text.as_ref().map(|text| text.as_str()))
                    && leaf.place.key().is_none_or(keys::may_name_a_user)
            });
            if let Some((leaf, _)) = perhaps {
                return Err(self.unclear(leaf, "it may be the user of the copy of the password beside it"));
            }
            let way = self.document.way(copy.container, &copy.place);
            if way.iter().any(|place| self.is_user(place.key())) {
                return Err(self.unclear(copy, "a key above it is the name of a user of this pair"));
            }
        }
        Ok(())
    }

    fn is_user(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| self.change.users.contains(&name))
    }

    /// Whether the value is one of the secret's own keys.
    fn is_top(&self, leaf: &Leaf) -> bool {
        self.around.is_secret && leaf.container == Some(0)
    }

    fn unclear(&self, leaf: &Leaf, why: &'static str) -> Unclear {
        Unclear { path: path(self.document, self.change, leaf.container, &leaf.place), why }
    }
}
