//! A small map by message stream: a connection mostly has one, and many connections have nothing else to do than to be there.

/// Values by the number of a message stream, in memory for just as many as there are. A session bounds how many that can be.
#[derive(Debug)]
pub struct ById<T>(Vec<(u32, T)>);

impl<T> ById<T> {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn place(&self, id: u32) -> Option<usize> {
        self.0.iter().position(|(known, _)| *known == id)
    }

    /// Puts `value` in the place of what there was.
    pub fn insert(&mut self, id: u32, value: T) {
        self.remove(id);
        self.0.reserve_exact(1);
        self.0.push((id, value));
    }

    /// Takes out what there is.
    pub fn remove(&mut self, id: u32) -> Option<T> {
        let value = self.0.swap_remove(self.place(id)?).1;
        self.0.shrink_to_fit();
        Some(value)
    }

    pub fn contains(&self, id: u32) -> bool {
        self.place(id).is_some()
    }

    pub fn get(&self, id: u32) -> Option<&T> {
        self.iter().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.0.iter_mut().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.0.iter().map(|(id, value)| (*id, value))
    }

    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Takes all out.
    pub fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.0).into_iter().map(|(_, value)| value)
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_one_value_for_each_number_and_no_more_room_than_that() {
        let mut map = ById::new();
        assert!(map.is_empty() && map.remove(1).is_none());
        for (id, value) in [(1, 'a'), (7, 'b'), (1, 'c')] {
            map.insert(id, value);
        }
        assert_eq!((map.get(1), map.get(7), map.get(2)), (Some(&'c'), Some(&'b'), None));
        assert_eq!(map.0.capacity(), 2);
        if let Some(value) = map.get_mut(7) {
            *value = 'd';
        }
        assert_eq!(map.iter().collect::<Vec<_>>(), [(7, &'d'), (1, &'c')]);
        assert_eq!((map.remove(7), map.contains(7), map.contains(1)), (Some('d'), false, true));
        assert_eq!((map.values().count(), map.take().collect::<String>()), (1, "c".to_owned()));
        assert!(map.is_empty());
    }
}
