use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cosmic_text::fontdb::{Database, ID, Weight};
use cosmic_text::{FontSystem, SwashCache};

/// Where fonts are installed on a machine.
const DIRECTORIES: [&str; 2] = ["/usr/share/fonts", "/usr/local/share/fonts"];
/// Directories inside one another, and files in all: far more than any machine has, and an end for a loop of links.
const DEEPEST: u32 = 8;
const MOST_FILES: usize = 10_000;

/// The families that texts are set in: the first of these that is installed. What has no glyph in it comes from others.
const FAMILIES: [&str; 6] = [
    "Noto Sans",
    "DejaVu Sans",
    "Liberation Sans",
    "Noto Sans CJK SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
];

/// Han characters, which have one code for several countries, are written as in this one where the font has a choice.
const LOCALE: &str = "zh-CN";

/// The fonts of a machine. Clones share them, and what has been read of them.
#[derive(Clone)]
pub struct Fonts(Arc<Mutex<Option<Loaded>>>);

/// At least one usable font.
pub(super) struct Loaded {
    pub(super) system: FontSystem,
    pub(super) glyphs: SwashCache,
}

impl Fonts {
    /// Those that are installed. Finding them takes a moment; files are read as far as texts need them.
    pub fn of_machine() -> Self {
        Self::of_directories(&DIRECTORIES.map(Path::new))
    }

    /// Those in these directories and the ones inside.
    pub fn of_directories(directories: &[&Path]) -> Self {
        let mut files = Vec::new();
        for directory in directories {
            find(directory, DEEPEST, &mut files);
        }
        // The same machine always takes the same font of several that fit.
        files.sort();
        let mut fonts = Database::new();
        for file in &files {
            // What looks like a font and is none is passed over.
            let _ = fonts.load_font_file(file);
        }
        Self(Arc::new(Mutex::new(Loaded::new(fonts))))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Loaded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fonts")
    }
}

impl Loaded {
    /// `None` without any usable font.
    fn new(mut fonts: Database) -> Option<Self> {
        let families = fonts.faces().flat_map(|face| &face.families);
        let installed: Vec<String> = families.map(|(name, _)| name.clone()).collect();
        let family = FAMILIES
            .iter()
            .find(|family| installed.iter().any(|name| name == *family));
        let family = family.copied().or(installed.first().map(String::as_str))?.to_owned();
        fonts.set_sans_serif_family(family);
        let ids: Vec<ID> = fonts.faces().map(|face| face.id).collect();
        let mut system = FontSystem::new_with_locale_and_db(LOCALE.to_owned(), fonts);
        let is_usable = ids.into_iter().any(|id| system.get_font(id, Weight::NORMAL).is_some());
        is_usable.then(|| Self {
            system,
            glyphs: SwashCache::new(),
        })
    }
}

fn find(directory: &Path, deepest: u32, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if files.len() >= MOST_FILES {
            return;
        }
        if path.is_dir() {
            if let Some(deepest) = deepest.checked_sub(1) {
                find(&path, deepest, files);
            }
        } else if is_font(&path) {
            files.push(path);
        }
    }
}

fn is_font(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let is = |name: &&str| extension.is_some_and(|extension| extension.eq_ignore_ascii_case(name));
    ["ttf", "ttc", "otf", "otc"].iter().any(is)
}
