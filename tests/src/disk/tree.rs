//! What stands on the disk, and what of it is kept.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

use fuser::Errno;

/// The folder that everything is in.
pub(super) const ROOT: u64 = 1;

/// A file or a folder.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) what: What,
    pub(super) mode: u16,
    pub(super) changed: SystemTime,
    /// Open handles; a file without a name goes when the last one is closed.
    open: u32,
    has_name: bool,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Folder(BTreeMap<OsString, u64>),
    File(Vec<u8>),
}

impl Node {
    fn new(what: What, mode: u32) -> Self {
        let mode = u16::try_from(mode & 0o7777).unwrap_or(0o644);
        Self { what, mode, changed: SystemTime::now(), open: 0, has_name: true }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.what {
            What::Folder(_) => 0,
            What::File(bytes) => bytes.len() as u64,
        }
    }
}

/// The disk's state.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: HashMap<u64, Node>,
    next: u64,
    room: u64,
    used: u64,
    flushes: u64,
    /// Folders and modes as they stood at the last flush of anything.
    kept_names: HashMap<u64, Node>,
    /// Files as each was last flushed.
    kept_bytes: HashMap<u64, Vec<u8>>,
}

impl Tree {
    pub(super) fn new(room: u64) -> Self {
        let root = Node::new(What::Folder(BTreeMap::new()), 0o755);
        let nodes = HashMap::from([(ROOT, root)]);
        let (kept_names, kept_bytes) = (nodes.clone(), HashMap::new());
        Self { nodes, next: ROOT + 1, room, used: 0, flushes: 0, kept_names, kept_bytes }
    }

    pub(super) fn set_room(&mut self, bytes: u64) {
        self.room = bytes;
    }

    pub(super) fn used(&self) -> u64 {
        self.used
    }

    pub(super) fn free(&self) -> u64 {
        self.room.saturating_sub(self.used)
    }

    pub(super) fn room(&self) -> u64 {
        self.room
    }

    pub(super) fn flushes(&self) -> u64 {
        self.flushes
    }

    pub(super) fn node(&self, ino: u64) -> Result<&Node, Errno> {
        self.nodes.get(&ino).ok_or(Errno::ENOENT)
    }

    fn node_mut(&mut self, ino: u64) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&ino).ok_or(Errno::ENOENT)
    }

    pub(super) fn names(&self, folder: u64) -> Result<&BTreeMap<OsString, u64>, Errno> {
        match &self.node(folder)?.what {
            What::Folder(names) => Ok(names),
            What::File(_) => Err(Errno::ENOTDIR),
        }
    }

    fn names_mut(&mut self, folder: u64) -> Result<&mut BTreeMap<OsString, u64>, Errno> {
        match &mut self.node_mut(folder)?.what {
            What::Folder(names) => Ok(names),
            What::File(_) => Err(Errno::ENOTDIR),
        }
    }

    pub(super) fn lookup(&self, folder: u64, name: &OsStr) -> Result<u64, Errno> {
        self.names(folder)?.get(name).copied().ok_or(Errno::ENOENT)
    }

    pub(super) fn make(&mut self, folder: u64, name: &OsStr, mode: u32, is_file: bool) -> Result<u64, Errno> {
        if self.names(folder)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let what = if is_file { What::File(Vec::new()) } else { What::Folder(BTreeMap::new()) };
        let ino = self.next;
        self.next += 1;
        self.nodes.insert(ino, Node::new(what, mode));
        self.names_mut(folder)?.insert(name.to_owned(), ino);
        Ok(ino)
    }

    pub(super) fn remove(&mut self, folder: u64, name: &OsStr, is_file: bool) -> Result<(), Errno> {
        let ino = self.lookup(folder, name)?;
        match &self.node(ino)?.what {
            What::Folder(_) if is_file => return Err(Errno::EISDIR),
            What::File(_) if !is_file => return Err(Errno::ENOTDIR),
            What::Folder(names) if !names.is_empty() => return Err(Errno::ENOTEMPTY),
            _ => {}
        }
        self.names_mut(folder)?.remove(name);
        self.unname(ino)
    }

    pub(super) fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Errno> {
        let ino = self.lookup(from.0, from.1)?;
        let over = self.names(to.0)?.get(to.1).copied();
        if over == Some(ino) {
            return Ok(());
        }
        if let Some(over) = over {
            if matches!(&self.node(over)?.what, What::Folder(names) if !names.is_empty()) {
                return Err(Errno::ENOTEMPTY);
            }
            self.unname(over)?;
        }
        self.names_mut(from.0)?.remove(from.1);
        self.names_mut(to.0)?.insert(to.1.to_owned(), ino);
        Ok(())
    }

    fn unname(&mut self, ino: u64) -> Result<(), Errno> {
        self.node_mut(ino)?.has_name = false;
        self.drop_unused(ino);
        Ok(())
    }

    fn drop_unused(&mut self, ino: u64) {
        if self.nodes.get(&ino).is_some_and(|node| !node.has_name && node.open == 0) {
            self.used -= self.nodes.remove(&ino).map_or(0, |node| node.size());
        }
    }

    pub(super) fn open(&mut self, ino: u64) -> Result<(), Errno> {
        self.node_mut(ino)?.open += 1;
        Ok(())
    }

    pub(super) fn close(&mut self, ino: u64) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.open = node.open.saturating_sub(1);
        }
        self.drop_unused(ino);
    }

    pub(super) fn set_mode(&mut self, ino: u64, mode: u32) -> Result<(), Errno> {
        self.node_mut(ino)?.mode = u16::try_from(mode & 0o7777).unwrap_or(0o644);
        Ok(())
    }

    pub(super) fn set_size(&mut self, ino: u64, size: u64) -> Result<(), Errno> {
        let (old, free) = (self.node(ino)?.size(), self.free());
        if size.saturating_sub(old) > free {
            return Err(Errno::ENOSPC);
        }
        let node = self.node_mut(ino)?;
        let What::File(bytes) = &mut node.what else { return Err(Errno::EISDIR) };
        bytes.resize(usize::try_from(size).map_err(|_| Errno::EFBIG)?, 0);
        node.changed = SystemTime::now();
        self.used = self.used - old + size;
        Ok(())
    }

    pub(super) fn write(&mut self, ino: u64, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let end = offset + data.len() as u64;
        if end > self.node(ino)?.size() {
            self.set_size(ino, end)?;
        }
        let node = self.node_mut(ino)?;
        let What::File(bytes) = &mut node.what else { return Err(Errno::EISDIR) };
        let begin = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
        bytes[begin..begin + data.len()].copy_from_slice(data);
        node.changed = SystemTime::now();
        Ok(())
    }

    pub(super) fn read(&self, ino: u64, offset: u64, size: u32) -> Result<&[u8], Errno> {
        let What::File(bytes) = &self.node(ino)?.what else { return Err(Errno::EISDIR) };
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = begin.saturating_add(size as usize).min(bytes.len());
        Ok(&bytes[begin..end])
    }

    /// Keeps the bytes of a file, and every name.
    pub(super) fn flush(&mut self, ino: u64) -> Result<(), Errno> {
        self.flushes += 1;
        if let What::File(bytes) = &self.node(ino)?.what {
            let bytes = bytes.clone();
            self.kept_bytes.insert(ino, bytes);
        }
        let name_only = |node: &Node| match &node.what {
            What::Folder(_) => node.clone(),
            What::File(_) => Node { what: What::File(Vec::new()), open: 0, ..*node },
        };
        let named = self.nodes.iter().filter(|(_, node)| node.has_name);
        self.kept_names = named.map(|(ino, node)| (*ino, name_only(node))).collect();
        self.kept_bytes.retain(|ino, _| self.kept_names.contains_key(ino) || self.nodes.contains_key(ino));
        Ok(())
    }

    /// Goes back to what is kept.
    pub(super) fn lose_power(&mut self) {
        self.nodes = self.kept_names.clone();
        for (ino, node) in &mut self.nodes {
            node.open = 0;
            if let (What::File(bytes), Some(kept)) = (&mut node.what, self.kept_bytes.get(ino)) {
                bytes.clone_from(kept);
            }
        }
        self.used = self.nodes.values().map(Node::size).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(tree: &Tree, name: &str) -> Option<Vec<u8>> {
        let ino = tree.lookup(ROOT, OsStr::new(name)).ok()?;
        tree.read(ino, 0, u32::MAX).ok().map(<[u8]>::to_vec)
    }

    #[test]
    fn power_takes_what_was_not_flushed() {
        let mut tree = Tree::new(1_000);
        let name = OsStr::new;
        let one = tree.make(ROOT, name("one"), 0o644, true).unwrap();
        let two = tree.make(ROOT, name("two"), 0o644, true).unwrap();
        tree.write(one, 0, b"kept").unwrap();
        tree.write(two, 0, b"lost").unwrap();
        tree.flush(one).unwrap();
        tree.write(one, 4, b" and lost").unwrap();
        tree.make(ROOT, name("three"), 0o644, true).unwrap();
        tree.rename((ROOT, name("two")), (ROOT, name("four"))).unwrap();
        tree.lose_power();
        let found = ["one", "two", "three", "four"].map(|name| content(&tree, name));
        assert_eq!(found, [Some(b"kept".to_vec()), Some(Vec::new()), None, None]);
        assert_eq!(tree.used(), 4);
    }

    #[test]
    fn a_file_that_is_renamed_and_flushed_takes_the_place_of_the_other() {
        let mut tree = Tree::new(1_000);
        let name = OsStr::new;
        let old = tree.make(ROOT, name("state"), 0o644, true).unwrap();
        tree.write(old, 0, b"old").unwrap();
        tree.flush(old).unwrap();
        let new = tree.make(ROOT, name("draft"), 0o644, true).unwrap();
        tree.write(new, 0, b"newer").unwrap();
        tree.flush(new).unwrap();
        tree.rename((ROOT, name("draft")), (ROOT, name("state"))).unwrap();
        tree.flush(ROOT).unwrap();
        tree.lose_power();
        assert_eq!((content(&tree, "state"), content(&tree, "draft")), (Some(b"newer".to_vec()), None));
        assert_eq!(tree.used(), 5);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let mut tree = Tree::new(6);
        let file = tree.make(ROOT, OsStr::new("file"), 0o644, true).unwrap();
        tree.write(file, 0, b"12345").unwrap();
        assert!(tree.write(file, 5, b"67").is_err());
        assert_eq!(content(&tree, "file"), Some(b"12345".to_vec()));
        tree.set_room(7);
        tree.write(file, 5, b"67").unwrap();
        assert_eq!(tree.free(), 0);
        tree.remove(ROOT, OsStr::new("file"), true).unwrap();
        assert_eq!(tree.free(), 7);
    }
}
