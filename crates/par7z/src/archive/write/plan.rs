//! Items become jobs: one item, or the items of one solid folder.
//!
//! The grouping depends on the options and on the items in the order in which they were added, never on the threads or on
//! time: that is one half of why the archive's bytes are the same for any number of threads.

use super::job::{Job, PlannedItem};
use super::source;
use crate::item::Source;
use crate::{Item, Solid};
use std::collections::BTreeMap;

/// Groups items.
#[derive(Debug)]
pub(super) struct Planner {
    solid: Solid,
    /// An item larger than this gets a folder of its own.
    max_item_bytes: u64,
    /// Memory that waiting items' own buffers may hold before their group is closed.
    max_held_bytes: u64,
    next_index: u64,
    next_job: u64,
    groups: BTreeMap<GroupKey, Group>,
    /// All items, when they are to be sorted first.
    unsorted: Vec<PlannedItem>,
}

/// Items with different keys do not share a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum GroupKey {
    /// By what the filter will be: mixing programs and texts would break a folder at each change.
    Executable(bool),
    Extension(String),
}

#[derive(Debug, Default)]
struct Group {
    items: Vec<PlannedItem>,
    bytes: u64,
    held_bytes: u64,
}

impl Planner {
    pub(super) fn new(solid: Solid, dictionary_bytes: u64, max_item_bytes: u64, max_held_bytes: u64) -> Self {
        // 7-Zip's bound for a solid block.
        let bound = dictionary_bytes.saturating_mul(128).clamp(16 << 20, 4 << 30);
        let solid = Solid { max_bytes: solid.max_bytes.min(bound), ..solid };
        Self {
            solid,
            max_item_bytes,
            max_held_bytes,
            next_index: 0,
            next_job: 0,
            groups: BTreeMap::new(),
            unsorted: Vec::new(),
        }
    }

    /// Takes an item and gives the jobs that are complete with it.
    pub(super) fn add(&mut self, item: Item, size: Option<u64>) -> Vec<Job> {
        let planned = PlannedItem { index: self.next_index, size, item, failures: 0 };
        self.next_index += 1;
        if self.solid.max_items == 1 {
            return vec![self.job(vec![planned], false)];
        }
        if self.solid.by_extension {
            self.unsorted.push(planned);
            return Vec::new();
        }
        let key = GroupKey::Executable(looks_executable(&planned.item));
        self.group(key, planned)
    }

    /// No more items come: gives the jobs that are left.
    pub(super) fn finish(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut items = std::mem::take(&mut self.unsorted);
        items.sort_by_cached_key(|planned| (extension(&planned.item.name), planned.index));
        for planned in items {
            let key = GroupKey::Extension(extension(&planned.item.name));
            // Sorted: a new extension ends the group before it.
            let others: Vec<_> = self.groups.keys().filter(|other| **other != key).cloned().collect();
            jobs.extend(others.into_iter().filter_map(|other| self.close(&other)));
            jobs.extend(self.group(key, planned));
        }
        let keys: Vec<_> = self.groups.keys().cloned().collect();
        jobs.extend(keys.into_iter().filter_map(|key| self.close(&key)));
        jobs
    }

    /// Number of jobs made.
    pub(super) fn job_count(&self) -> u64 {
        self.next_job
    }

    fn group(&mut self, key: GroupKey, planned: PlannedItem) -> Vec<Job> {
        let size = planned.size.unwrap_or(0);
        if size > self.max_item_bytes {
            return vec![self.job(vec![planned], false)];
        }
        let held = if matches!(planned.item.source, Source::Bytes(_)) { size } else { 0 };
        let mut jobs = Vec::new();
        if self.groups.get(&key).is_some_and(|group| group.bytes + size > self.solid.max_bytes) {
            jobs.extend(self.close(&key));
        }
        let group = self.groups.entry(key.clone()).or_default();
        group.items.push(planned);
        group.bytes += size;
        group.held_bytes += held;
        if group.items.len() as u64 >= self.solid.max_items || group.held_bytes >= self.max_held_bytes {
            jobs.extend(self.close(&key));
        }
        jobs
    }

    fn close(&mut self, key: &GroupKey) -> Option<Job> {
        let group = self.groups.remove(key)?;
        Some(self.job(group.items, true))
    }

    fn job(&mut self, items: Vec<PlannedItem>, solid: bool) -> Job {
        let number = self.next_job;
        self.next_job += 1;
        let max_folder_bytes = self.solid.max_bytes;
        Job { number, items, solid, max_folder_bytes }
    }
}

/// The extension in lower case, empty if there is none.
fn extension(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension.to_lowercase(),
        _ => String::new(),
    }
}

/// Whether the name is one that programs have. A guess that decides grouping alone; the filter looks at the content.
fn looks_executable(item: &Item) -> bool {
    const EXTENSIONS: [&str; 16] =
        ["acm", "ax", "bin", "com", "dll", "drv", "efi", "exe", "ko", "mui", "node", "o", "obj", "ocx", "so", "sys"];
    let name = item.name.as_str();
    let extension = extension(name);
    EXTENSIONS.binary_search(&extension.as_str()).is_ok() || name.contains(".so.") || has_execute_bit(item)
}

/// Unix programs have no extension but a mode.
#[cfg(unix)]
fn has_execute_bit(item: &Item) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let Source::Path { path, .. } = &item.source else { return false };
    if !extension(&item.name).is_empty() {
        return false;
    }
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn has_execute_bit(_item: &Item) -> bool {
    false
}

/// An item's expected size, for the plan and for progress.
pub(super) fn expected_size(item: &Item) -> Option<u64> {
    source::expected_size(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(solid: Solid, names_and_sizes: &[(&str, usize)]) -> Vec<Vec<u64>> {
        let mut planner = Planner::new(solid, 1 << 20, 1000, 1 << 20);
        let mut jobs = Vec::new();
        for (name, size) in names_and_sizes {
            jobs.extend(planner.add(Item::from_bytes(*name, vec![0; *size]), Some(*size as u64)));
        }
        jobs.extend(planner.finish());
        assert_eq!(planner.job_count(), jobs.len() as u64);
        let numbers: Vec<_> = jobs.iter().map(|job| job.number).collect();
        assert_eq!(numbers, (0..jobs.len() as u64).collect::<Vec<_>>(), "jobs are numbered as they come");
        jobs.iter().map(|job| job.items.iter().map(|item| item.index).collect()).collect()
    }

    #[test]
    fn non_solid_is_a_job_per_item() {
        assert_eq!(plan(Solid::OFF, &[("a", 1), ("b", 2)]), [[0], [1]]);
    }

    #[test]
    fn solid_keeps_its_bounds() {
        let by_count = Solid { max_items: 2, ..Solid::ON };
        assert_eq!(plan(by_count, &[("a", 1), ("b", 1), ("c", 1)]), [vec![0, 1], vec![2]]);
        let by_bytes = Solid { max_bytes: 10, ..Solid::ON };
        assert_eq!(plan(by_bytes, &[("a", 6), ("b", 5), ("c", 5)]), [vec![0], vec![1, 2]]);
    }

    #[test]
    fn a_large_item_goes_alone_and_does_not_split_the_group() {
        assert_eq!(plan(Solid::ON, &[("a", 1), ("b", 1001), ("c", 1)]), [vec![1], vec![0, 2]]);
    }

    #[test]
    fn programs_are_kept_apart() {
        assert_eq!(plan(Solid::ON, &[("a.txt", 1), ("b.exe", 1), ("c.txt", 1)]), [vec![0, 2], vec![1]]);
    }

    #[test]
    fn by_extension_sorts_first() {
        let solid = Solid { by_extension: true, ..Solid::ON };
        assert_eq!(plan(solid, &[("a.txt", 1), ("b.c", 1), ("c.TXT", 1), ("d.c", 1)]), [vec![1, 3], vec![0, 2]]);
    }

    #[test]
    fn extensions_are_of_the_last_part() {
        assert_eq!(extension("a.b/c"), "");
        assert_eq!(extension("dir/.profile"), "");
        assert_eq!(extension("x.tar.GZ"), "gz");
    }
}
