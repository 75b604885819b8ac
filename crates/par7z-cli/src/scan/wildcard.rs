//! 7-Zip's wildcards: `*` is any run of characters (also none), `?` is any one. Nothing else is special.

/// Whether `name`, one part of a path, fits `mask`.
pub(crate) fn matches(mask: &str, name: &str, ignore_case: bool) -> bool {
    let mask: Vec<char> = mask.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at_mask, mut at_name) = (0, 0);
    // Where to go on if a later part does not fit: just behind the last `*`, one character further in the name. One
    // such place is enough, so this takes at most mask × name steps.
    let mut star: Option<(usize, usize)> = None;
    while at_name < name.len() {
        match mask.get(at_mask) {
            Some('*') => {
                star = Some((at_mask + 1, at_name));
                at_mask += 1;
            }
            Some(&want) if want == '?' || same(want, name[at_name], ignore_case) => {
                at_mask += 1;
                at_name += 1;
            }
            _ => match star {
                Some((behind, from)) => {
                    star = Some((behind, from + 1));
                    (at_mask, at_name) = (behind, from + 1);
                }
                None => return false,
            },
        }
    }
    mask[at_mask..].iter().all(|&rest| rest == '*')
}

/// Whether a part has a wildcard in it.
pub(crate) fn has_wildcard(part: &str) -> bool {
    part.contains(['*', '?'])
}

fn same(left: char, right: char, ignore_case: bool) -> bool {
    left == right || (ignore_case && left.to_lowercase().eq(right.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let fits = [
            ("*", ""),
            ("*", "a"),
            ("*.txt", "a.txt"),
            ("*.txt", ".txt"),
            ("a*b*c", "aXXbYYc"),
            ("a*b*c", "abcbc"),
            ("?.txt", "ä.txt"),
            ("**", "x"),
            ("a?c", "abc"),
            ("[a]", "[a]"),
            ("", ""),
        ];
        for (mask, name) in fits {
            assert!(matches(mask, name, false), "{mask} {name}");
        }
        let misses = [("?", ""), ("*.txt", "a.txt2"), ("a", "A"), ("a*b", "a"), ("[a]", "a"), ("", "a"), ("??", "a")];
        for (mask, name) in misses {
            assert!(!matches(mask, name, false), "{mask} {name}");
        }
        assert!(matches("A*.TXT", "aÄ.txt", true));
        assert!(matches("Ä", "ä", true));
    }

    #[test]
    fn many_stars_end_soon() {
        assert!(!matches(&"*a".repeat(50), &"a".repeat(40), false));
        assert!(!matches(&format!("{}b", "*a".repeat(200)), &"a".repeat(5000), false));
    }
}
