//! Targets that are added, paused and removed while streams are live. What is changed is written first.

use std::sync::Arc;

use super::saved::{self, Saved, Scope};
use super::target::{NewTarget, Origin, Target};
use super::{PushUrl, Relay, lock};
use crate::events::Kind;
use crate::names;
use crate::store::StoreError;
use crate::stream::Stream;

/// Targets of all applications together.
const RULES: usize = 1000;

/// Why nothing was changed.
#[derive(Debug)]
pub enum ManageError {
    /// There is nothing with that id.
    NotFound,
    /// There are as many as may be.
    TooMany,
    /// It was not added over the API by itself.
    NotOwn(&'static str),
    /// It could not be written.
    Store(StoreError),
}

impl From<StoreError> for ManageError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A target to add over the API.
#[derive(Clone, Debug)]
pub struct Wish {
    pub url: PushUrl,
    pub paused: bool,
    pub passthrough: Option<String>,
}

type Managed<T> = Result<T, ManageError>;

impl Relay {
    /// Takes up what was added before a restart.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load(self: &Arc<Self>) -> Result<(), StoreError> {
        for saved in saved::load(&self.store).await? {
            match &saved.scope {
                Scope::App(_) => lock(&self.rules).push(Arc::new(saved)),
                Scope::Stream(path) => {
                    let path = path.clone();
                    // It was told of when it was made.
                    let _ = self.insert(&mut self.targets(), &path, of_saved(&saved));
                }
            }
        }
        Ok(())
    }

    /// Adds a target to the stream `path`, for good.
    ///
    /// # Errors
    /// There are too many, or it cannot be written.
    pub async fn add_for_good(
        self: &Arc<Self>,
        path: &str,
        wish: Wish,
        stream: Option<&Arc<Stream>>,
    ) -> Managed<Arc<Target>> {
        let _one_by_one = self.changing.lock().await;
        if !self.has_room(&self.targets(), path) {
            return Err(ManageError::TooMany);
        }
        let saved = self.save(Scope::Stream(path.to_owned()), wish).await?;
        let target = self.make(&mut self.targets(), path, of_saved(&saved));
        let target = target.map_err(|_| ManageError::TooMany)?;
        if let Some(stream) = stream {
            target.live(self, stream);
        }
        Ok(target)
    }

    async fn save(&self, scope: Scope, wish: Wish) -> Managed<Saved> {
        let Wish { url, paused, passthrough } = wish;
        let (id, created) = (crate::keys::new_id("st_"), jiff::Timestamp::now().as_second());
        let saved = Saved { seq: 0, id, scope, url, paused, passthrough, created };
        let seq = saved::insert(&self.store, &saved).await?;
        Ok(Saved { seq, ..saved })
    }

    /// Removes a target of the stream `path`.
    ///
    /// # Errors
    /// There is none, it is of its application or of the configuration, or it cannot be written.
    pub async fn remove(&self, path: &str, id: &str) -> Managed<()> {
        let _one_by_one = self.changing.lock().await;
        let target = self.find(path, id).ok_or(ManageError::NotFound)?;
        match target.origin() {
            Origin::Api => saved::remove(&self.store, id).await?,
            Origin::Hook => {}
            Origin::Config => {
                return Err(ManageError::NotOwn(
                    "it is of the configuration: change that, or pause it",
                ));
            }
            Origin::App(_) => {
                return Err(ManageError::NotOwn(
                    "it is of the whole application: remove it there, or pause it here",
                ));
            }
        }
        self.take_out(&target);
        Ok(())
    }

    /// Removes what was added to a stream that is deleted.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove_all(&self, path: &str) -> Result<(), StoreError> {
        let _one_by_one = self.changing.lock().await;
        for target in self.list(path) {
            if *target.origin() == Origin::Api {
                saved::remove(&self.store, target.id()).await?;
                self.take_out(&target);
            }
        }
        Ok(())
    }

    fn take_out(&self, target: &Arc<Target>) {
        let mut all = self.targets();
        if let Some(targets) = all.get_mut(target.path()) {
            targets.retain(|other| !Arc::ptr_eq(other, target));
            if targets.is_empty() {
                all.remove(target.path());
            }
        }
        drop(all);
        target.remove();
        lock(&self.gone).add(target.sums());
        target.tell(Kind::TargetDeleted);
    }

    /// Stops a target of the stream `path`, or lets it go on.
    ///
    /// # Errors
    /// There is none, or it cannot be written.
    pub async fn pause(&self, path: &str, id: &str, paused: bool) -> Managed<Arc<Target>> {
        let _one_by_one = self.changing.lock().await;
        let target = self.find(path, id).ok_or(ManageError::NotFound)?;
        if *target.origin() == Origin::Api {
            saved::pause(&self.store, id, paused).await?;
        }
        target.set_paused(paused);
        Ok(target)
    }

    /// Targets of an application that were added over the API.
    pub fn rules(&self, app: &str) -> Vec<Arc<Saved>> {
        let of_app = |rule: &&Arc<Saved>| rule.scope == Scope::App(app.to_owned());
        lock(&self.rules).iter().filter(of_app).cloned().collect()
    }

    /// Applications that have such targets.
    pub fn apps(&self) -> Vec<String> {
        let app = |rule: &Arc<Saved>| match &rule.scope {
            Scope::App(name) => Some(name.clone()),
            Scope::Stream(_) => None,
        };
        lock(&self.rules).iter().filter_map(app).collect()
    }

    /// One of them.
    pub fn rule(&self, app: &str, id: &str) -> Option<Arc<Saved>> {
        self.rules(app).into_iter().find(|rule| rule.id == id)
    }

    /// Adds a target for each stream of an application; `live` are its streams that are live.
    ///
    /// # Errors
    /// There are too many, or it cannot be written.
    pub async fn add_rule(
        self: &Arc<Self>,
        app: &str,
        wish: Wish,
        live: &[(String, Arc<Stream>)],
    ) -> Managed<Arc<Saved>> {
        let _one_by_one = self.changing.lock().await;
        if lock(&self.rules).len() >= RULES || self.rules(app).len() >= super::TARGETS {
            return Err(ManageError::TooMany);
        }
        let rule = Arc::new(self.save(Scope::App(app.to_owned()), wish).await?);
        lock(&self.rules).push(rule.clone());
        for (path, stream) in live {
            self.live(path, stream);
        }
        Ok(rule)
    }

    /// Removes one, and its targets.
    ///
    /// # Errors
    /// There is none, or it cannot be written.
    pub async fn remove_rule(&self, app: &str, id: &str) -> Managed<()> {
        let _one_by_one = self.changing.lock().await;
        self.rule(app, id).ok_or(ManageError::NotFound)?;
        saved::remove(&self.store, id).await?;
        lock(&self.rules).retain(|rule| rule.id != id);
        self.of_rule(id).iter().for_each(|target| self.take_out(target));
        Ok(())
    }

    /// Stops all targets of one, or lets them go on.
    ///
    /// # Errors
    /// There is none, or it cannot be written.
    pub async fn pause_rule(&self, app: &str, id: &str, paused: bool) -> Managed<Arc<Saved>> {
        let _one_by_one = self.changing.lock().await;
        let rule = self.rule(app, id).ok_or(ManageError::NotFound)?;
        saved::pause(&self.store, id, paused).await?;
        let rule = Arc::new(Saved { paused, ..(*rule).clone() });
        for known in lock(&self.rules).iter_mut().filter(|known| known.id == id) {
            *known = rule.clone();
        }
        self.of_rule(id).iter().for_each(|target| target.set_paused(paused));
        Ok(rule)
    }

    /// Targets that there are because of a target of their application.
    pub fn of_rule(&self, id: &str) -> Vec<Arc<Target>> {
        let of_rule = |target: &Arc<Target>| matches!(target.origin(), Origin::App(of) if of == id);
        self.all().into_iter().filter(of_rule).collect()
    }

    /// All targets of all streams, in the order in which they were made.
    pub fn all(&self) -> Vec<Arc<Target>> {
        let mut all: Vec<_> = self.targets().values().flatten().cloned().collect();
        all.sort_by_key(|target| target.seq());
        all
    }

    /// What a stream of this path is to be pushed to because of its application: the configuration, and what was added.
    pub(super) fn wanted_of(&self, path: &str) -> Vec<NewTarget> {
        let mut wanted: Vec<NewTarget> = Vec::new();
        for url in &self.app(path).relay.push {
            wanted.push(NewTarget::new(url.clone(), Origin::Config));
        }
        for rule in self.rules(names::split(path).0) {
            let Saved { url, paused, passthrough, id, .. } = (*rule).clone();
            let origin = Origin::App(id);
            wanted.push(NewTarget { paused, passthrough, ..NewTarget::new(url, origin) });
        }
        wanted
    }
}

fn of_saved(saved: &Saved) -> NewTarget {
    let Saved { url, paused, passthrough, id, .. } = saved.clone();
    NewTarget { id, paused, passthrough, ..NewTarget::new(url, Origin::Api) }
}
