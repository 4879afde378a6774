//! Titles that a person can read.

use std::collections::HashMap;

/// What items are called: a category with its products. Taste groups take the categories in turn.
const CATEGORIES: [(&str, [&str; 10]); 24] = [
    (
        "Coffee & Tea",
        [
            "Pour-Over Kettle",
            "Hand Grinder",
            "Espresso Cups",
            "Tea Infuser",
            "French Press",
            "Cold Brew Carafe",
            "Milk Frother",
            "Matcha Whisk",
            "Travel Mug",
            "Coffee Scale",
        ],
    ),
    (
        "Hiking",
        [
            "Trail Shoes",
            "Trekking Poles",
            "Daypack",
            "Rain Jacket",
            "Water Filter",
            "Head Torch",
            "Merino Socks",
            "Sun Hat",
            "Map Case",
            "Camp Stove",
        ],
    ),
    (
        "Cycling",
        [
            "Road Helmet",
            "Bib Shorts",
            "Bike Light",
            "Pannier Bag",
            "Floor Pump",
            "Saddle",
            "Gravel Tyre",
            "Multi-Tool",
            "Bottle Cage",
            "Bar Tape",
        ],
    ),
    (
        "Baking",
        [
            "Loaf Tin",
            "Dough Scraper",
            "Proofing Basket",
            "Rolling Pin",
            "Cake Stand",
            "Piping Set",
            "Pastry Brush",
            "Muffin Tray",
            "Sourdough Jar",
            "Oven Thermometer",
        ],
    ),
    (
        "Gardening",
        [
            "Pruning Shears",
            "Seed Tray",
            "Watering Can",
            "Raised Bed",
            "Garden Gloves",
            "Compost Bin",
            "Plant Mister",
            "Trowel",
            "Trellis",
            "Potting Mat",
        ],
    ),
    (
        "Photography",
        [
            "Camera Strap",
            "Tripod",
            "Lens Cloth",
            "Softbox",
            "Photo Backpack",
            "Film Roll",
            "Light Meter",
            "Memory Card Case",
            "Macro Ring",
            "Print Album",
        ],
    ),
    (
        "Board Games",
        [
            "Card Game",
            "Strategy Game",
            "Dice Set",
            "Puzzle",
            "Party Game",
            "Chess Board",
            "Deck Box",
            "Word Game",
            "Co-op Adventure",
            "Travel Game",
        ],
    ),
    (
        "Science Fiction",
        [
            "Space Saga",
            "Robot Novel",
            "Time Loop",
            "Colony Chronicle",
            "First Contact",
            "Star Map Atlas",
            "Alien Anthology",
            "Cyber Thriller",
            "Moon Diary",
            "Galactic Heist",
        ],
    ),
    (
        "Crime Fiction",
        [
            "Cold Case",
            "Harbour Murder",
            "Detective Novel",
            "Locked Room",
            "Courtroom Drama",
            "Spy Story",
            "Village Mystery",
            "Night Train",
            "Missing Heir",
            "Forger's Tale",
        ],
    ),
    (
        "History",
        [
            "Empire Portrait",
            "City Biography",
            "War Diary",
            "Trade Routes",
            "Court Letters",
            "Revolution Atlas",
            "Maritime History",
            "Lost Kingdom",
            "Age of Steam",
            "Chronicle",
        ],
    ),
    (
        "Jazz",
        [
            "Trio Album",
            "Live Session",
            "Piano Solo",
            "Big Band Box",
            "Saxophone Suite",
            "Late Night Set",
            "Bass Studies",
            "Vocal Standards",
            "Quartet Record",
            "Blue Ballads",
        ],
    ),
    (
        "Electronic Music",
        [
            "Synth Album",
            "Ambient Record",
            "Club Mix",
            "Drum Machine",
            "Modular Session",
            "Remix Tape",
            "Field Recording",
            "Bassline EP",
            "Loop Station",
            "Night Drive",
        ],
    ),
    (
        "Documentaries",
        [
            "Ocean Film",
            "City Portrait",
            "Mountain Film",
            "Kitchen Story",
            "Space Archive",
            "Forest Year",
            "Music Portrait",
            "Desert Crossing",
            "Island Film",
            "Factory Story",
        ],
    ),
    (
        "Comedies",
        [
            "Road Trip",
            "Wedding Weekend",
            "Office Farce",
            "Neighbour Feud",
            "Double Date",
            "Family Reunion",
            "School Play",
            "Holiday Mix-Up",
            "Flat Share",
            "Bank Caper",
        ],
    ),
    (
        "Running",
        [
            "Running Shoes",
            "Split Shorts",
            "Foam Roller",
            "Race Belt",
            "Wind Vest",
            "Hydration Flask",
            "GPS Watch",
            "Compression Socks",
            "Cap",
            "Arm Sleeves",
        ],
    ),
    (
        "Yoga",
        [
            "Yoga Mat",
            "Cork Block",
            "Meditation Cushion",
            "Strap",
            "Leggings",
            "Bolster",
            "Balance Board",
            "Eye Pillow",
            "Massage Ball",
            "Mat Bag",
        ],
    ),
    (
        "Home Office",
        [
            "Desk Lamp",
            "Standing Desk",
            "Notebook",
            "Monitor Arm",
            "Fountain Pen",
            "Keyboard",
            "Cable Tray",
            "Desk Mat",
            "Headphones",
            "Webcam",
        ],
    ),
    (
        "Lighting",
        [
            "Floor Lamp",
            "Pendant",
            "Candle Holder",
            "Reading Light",
            "Lantern",
            "Wall Sconce",
            "String Lights",
            "Table Lamp",
            "Night Light",
            "Lamp Shade",
        ],
    ),
    (
        "Cookware",
        [
            "Cast Iron Pan",
            "Stock Pot",
            "Chef's Knife",
            "Cutting Board",
            "Wok",
            "Mixing Bowl",
            "Spice Rack",
            "Mortar",
            "Steamer",
            "Casserole",
        ],
    ),
    (
        "Toys",
        [
            "Wooden Train",
            "Building Blocks",
            "Plush Bear",
            "Kite",
            "Marble Run",
            "Doll's House",
            "Pull-Along Duck",
            "Shape Sorter",
            "Puppet",
            "Balance Bike",
        ],
    ),
    (
        "Knitting",
        [
            "Wool Yarn",
            "Knitting Needles",
            "Pattern Book",
            "Stitch Markers",
            "Crochet Hook",
            "Yarn Bowl",
            "Project Bag",
            "Sock Kit",
            "Blocking Mat",
            "Mitten Kit",
        ],
    ),
    (
        "Pets",
        [
            "Dog Lead",
            "Cat Tree",
            "Chew Toy",
            "Food Bowl",
            "Pet Bed",
            "Bird Feeder",
            "Harness",
            "Litter Scoop",
            "Aquarium Plant",
            "Treat Pouch",
        ],
    ),
    (
        "Skin Care",
        [
            "Face Cream",
            "Clay Mask",
            "Hand Balm",
            "Sun Lotion",
            "Bath Oil",
            "Lip Balm",
            "Body Brush",
            "Soap Bar",
            "Rose Toner",
            "Night Serum",
        ],
    ),
    (
        "Travel",
        [
            "Cabin Case",
            "Packing Cubes",
            "Travel Pillow",
            "Passport Wallet",
            "Duffel",
            "Wash Bag",
            "Phrase Book",
            "Luggage Tag",
            "Plug Adapter",
            "City Guide",
        ],
    ),
];

/// The first word of a title.
const MAKERS: [&str; 48] = [
    "Alder", "Amber", "Arden", "Aurora", "Birch", "Bramble", "Brook", "Calder", "Cedar", "Cinder", "Clover", "Copper",
    "Coral", "Dale", "Delta", "Ember", "Fable", "Fern", "Fjord", "Flint", "Garnet", "Glen", "Harbour", "Hazel",
    "Heron", "Indigo", "Ivory", "Juniper", "Kestrel", "Larch", "Linden", "Lumen", "Maple", "Meadow", "Mira", "Nordic",
    "Opal", "Orchard", "Otter", "Pine", "Quarry", "Raven", "Saffron", "Sable", "Tamarind", "Thistle", "Willow",
    "Zephyr",
];

/// The second word of a title.
const ADJECTIVES: [&str; 48] = [
    "Bold", "Bright", "Calm", "Classic", "Clear", "Compact", "Cosy", "Crisp", "Daily", "Deep", "Early", "Easy", "Fine",
    "First", "Gentle", "Golden", "Grand", "Great", "Hidden", "Honest", "Humble", "Light", "Little", "Lively", "Lucky",
    "Mellow", "Modern", "Noble", "Open", "Patient", "Plain", "Prime", "Pure", "Quick", "Quiet", "Rare", "Royal",
    "Simple", "Slow", "Small", "Smart", "Steady", "Sunny", "Swift", "True", "Warm", "Wild", "Young",
];

/// Titles of one category.
const PER_CATEGORY: usize = MAKERS.len() * ADJECTIVES.len() * 10;

/// A step through the titles of a category that visits each once (it shares no factor with their number) and
/// changes all words every time.
const STEP: usize = 10_007;

/// Hands out titles, none twice.
#[derive(Default)]
pub(super) struct Titles {
    used: HashMap<usize, usize>,
}

impl Titles {
    /// The category of a taste group and the next title in it.
    pub fn next(&mut self, group: u32) -> (&'static str, String) {
        let category = group as usize % CATEGORIES.len();
        let (name, products) = CATEGORIES[category];
        let used = self.used.entry(category).or_default();
        let (edition, place) = (*used / PER_CATEGORY, *used % PER_CATEGORY * STEP % PER_CATEGORY);
        *used += 1;
        let (maker, rest) = (place % MAKERS.len(), place / MAKERS.len());
        let (adjective, product) = (rest % ADJECTIVES.len(), rest / ADJECTIVES.len());
        let title = format!("{} {} {}", MAKERS[maker], ADJECTIVES[adjective], products[product]);
        (name, if edition == 0 { title } else { format!("{title} {}", edition + 1) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_title_comes_twice() {
        let mut titles = Titles::default();
        let all: HashSet<String> = (0..3 * PER_CATEGORY).map(|_| titles.next(5).1).collect();
        assert_eq!(all.len(), 3 * PER_CATEGORY);
    }
}
