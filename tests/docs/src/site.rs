use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::page::{Fault, Kind, Page};

/// What stands after a fence: what is run or compiled, and what is only shown.
const LANGUAGES: [&str; 9] =
    ["console", "rust", "yaml", "sh", "text", "json", "toml", "mermaid", "sql"];

/// The table of contents, which is no page itself.
const SUMMARY: &str = "SUMMARY.md";

/// All pages of the guides.
pub struct Site {
    content: PathBuf,
    /// By their paths below `docs/content/`.
    pub pages: BTreeMap<String, Page>,
}

impl Site {
    /// Reads every page below `content`.
    pub fn read(content: &Path) -> Result<Self, Fault> {
        let mut site = Self { content: content.into(), pages: BTreeMap::new() };
        for file in markdown_below(content) {
            let path = relative(content, &file);
            let text = fs::read_to_string(&file).map_err(|error| Fault {
                page: path.clone(),
                line: 1,
                what: error.to_string(),
            })?;
            let directory = file.parent().unwrap_or(content);
            let include = |name: &str| fs::read_to_string(directory.join(name)).ok();
            site.pages.insert(path.clone(), Page::parse(&path, &text, include)?);
        }
        Ok(site)
    }

    /// The pages that are run before `page`, and it.
    pub fn with_those_before<'a>(&'a self, page: &'a Page) -> Result<Vec<&'a Page>, Fault> {
        let mut pages = vec![page];
        while let Some(before) = &pages[0].continues {
            let found = self.pages.get(before).filter(|page| !pages.contains(page));
            let found =
                found.ok_or_else(|| page.fault(1, format!("no page {before:?} to continue")))?;
            pages.insert(0, found);
        }
        Ok(pages)
    }

    /// Links and anchors that lead nowhere, pages that no table of contents has, and
    /// blocks of a language that nobody looks at.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let summary: BTreeSet<_> = self
            .pages
            .get(SUMMARY)
            .into_iter()
            .flat_map(|page| &page.links)
            .map(|link| &*link.text)
            .collect();
        for (path, page) in &self.pages {
            if path != SUMMARY && !summary.contains(&**path) {
                faults.push(page.fault(1, "SUMMARY.md has no link to this page"));
            }
            for link in &page.links {
                faults
                    .extend(self.broken(page, &link.text).map(|what| page.fault(link.line, what)));
            }
            for block in &page.blocks {
                let is_known = LANGUAGES.contains(&&*block.language);
                if !is_known && block.kind == Kind::Plain {
                    let what = format!(
                        "a block of the language {:?}, which nobody checks",
                        block.language
                    );
                    faults.push(page.fault(block.line, what));
                }
            }
        }
        faults
    }

    fn broken(&self, page: &Page, link: &str) -> Option<String> {
        if link.contains("://") || link.starts_with("mailto:") {
            return None;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let directory = Path::new(&page.path).parent().unwrap_or(Path::new(""));
        let target = match path {
            "" => self.content.join(&page.path),
            path => self.content.join(directory).join(path),
        };
        let Ok(target) = target.canonicalize() else {
            return Some(format!("no file at the link {link:?}"));
        };
        let content = self.content.canonicalize().unwrap_or_default();
        match self.pages.get(&relative(&content, &target)) {
            Some(found) if !anchor.is_empty() && !found.anchors.contains(anchor) => {
                Some(format!("no heading at the link {link:?}"))
            }
            // The book does not hold what is not below its content.
            None if !target.starts_with(&content) => {
                Some(format!("the link {link:?} leads out of the book: give a URL"))
            }
            _ => None,
        }
    }
}

fn relative(content: &Path, file: &Path) -> String {
    file.strip_prefix(content).unwrap_or(file).display().to_string()
}

fn markdown_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(pages: &[(&str, &str)]) -> Vec<(String, usize)> {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in pages {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let site = Site::read(directory.path()).unwrap();
        site.faults().into_iter().map(|fault| (fault.page, fault.line)).collect()
    }

    const TABLE: (&str, &str) = ("SUMMARY.md", "[a](a.md) [b](b/b.md)\n");

    #[test]
    fn links_lead_to_pages_and_headings() {
        let a = ("a.md", "# A\n[b](b/b.md#part-two) [here](#a) [w](https://example.org)\n");
        let b = ("b/b.md", "# B\n## Part two\n[a](../a.md)\n");
        assert_eq!(faults(&[TABLE, a, b]), []);
        let at = |page: &str, line| vec![(page.to_owned(), line)];
        let wrong = |text| faults(&[TABLE, ("a.md", text), b]);
        assert_eq!(wrong("# A\n[b](b.md)\n"), at("a.md", 2));
        assert_eq!(wrong("# A\n\n[b](b/b.md#part-three)\n"), at("a.md", 3));
        assert_eq!(wrong("[b](#b)\n"), at("a.md", 1));
        assert_eq!(wrong("[b](../../../../etc/passwd)\n").len(), 1);
    }

    #[test]
    fn pages_and_languages_that_nobody_sees_are_found() {
        let b = ("b/b.md", "# B\n");
        assert_eq!(
            faults(&[("SUMMARY.md", "[b](b/b.md)\n"), b, ("a.md", "")]),
            [("a.md".into(), 1)]
        );
        let indented = ("a.md", "A\n\n    cloacina x\n");
        assert_eq!(faults(&[TABLE, indented, b]), [("a.md".into(), 3)]);
        let strange = ("a.md", "```shell-session\n$ a\n```\n");
        assert_eq!(faults(&[TABLE, strange, b]), [("a.md".into(), 2)]);
    }
}
