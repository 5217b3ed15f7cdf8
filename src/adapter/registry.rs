//! Adapters by name.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::null::Null;
use super::{Adapter, AnyAdapter, Error};

type Factory = Arc<dyn Fn() -> Box<dyn AnyAdapter> + Send + Sync>;

/// Names that the element gives a meaning of its own.
pub const RESERVED: &[&str] = &["dsp", "null", "signals"];

static REGISTRY: LazyLock<Mutex<BTreeMap<String, Factory>>> = LazyLock::new(|| {
    let null: Factory = Arc::new(|| Box::new(Null));
    Mutex::new(BTreeMap::from([("null".to_owned(), null)]))
});

fn registry() -> MutexGuard<'static, BTreeMap<String, Factory>> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes an adapter known: from now on each element with this name in its property `adapter` makes one by `factory`. A name that is
/// registered again has the newer factory.
///
/// # Errors
/// [`Error::Adapter`] for a name that is empty or built in.
pub fn register<A: Adapter>(
    name: &str,
    factory: impl Fn() -> A + Send + Sync + 'static,
) -> Result<(), Error> {
    if name.is_empty() || RESERVED.contains(&name) {
        return Err(Error::Adapter(format!(
            "found the name \"{name}\", expected one that is not built in"
        )));
    }
    registry().insert(name.to_owned(), Arc::new(move || Box::new(factory())));
    Ok(())
}

/// A new adapter of this name.
///
/// # Errors
/// [`Error::Unknown`], with the names that are known.
pub fn create(name: &str) -> Result<Box<dyn AnyAdapter>, Error> {
    // The factory runs without the lock: it may register others.
    let factory = registry().get(name).cloned();
    match factory {
        Some(factory) => Ok(factory()),
        None => Err(Error::Unknown {
            found: name.to_owned(),
            known: names().join(", "),
        }),
    }
}

/// All names, in alphabetical order.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names: Vec<_> = registry().keys().cloned().collect();
    names.extend(RESERVED.iter().map(|&name| name.to_owned()));
    names.sort();
    names.dedup();
    names
}
