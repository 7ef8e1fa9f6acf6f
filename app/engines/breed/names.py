"""The breeds of ImageNet and Stanford Dogs, with their names.

Stanford Dogs has 120 of ImageNet's dog classes; ImageNet itself knows the dalmatian too, and calling a dalmatian
something else would be wrong, so it is here as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: ``n02085620-Chihuahua``: how the folders of Stanford Dogs are called.
_FOLDER: Final = re.compile(r"(n[0-9]{8})[-_](.+)")


@dataclass(frozen=True, slots=True)
class Breed:
    """One breed."""

    #: WordNet's id, as ImageNet uses it.
    wnid: str
    #: position among ImageNet's 1000 classes.
    imagenet_index: int
    #: ImageNet's own name.
    name: str
    #: the name in use today, where that is another one.
    english: str = ""
    #: where there is one of its own; most breeds keep their English name.
    indonesian: str = ""

    @property
    def label(self) -> str:
        """As Stanford Dogs calls its folder."""
        return f"{self.wnid}-{self.name.replace(' ', '_')}"


@dataclass(frozen=True, slots=True)
class BreedNames:
    """What people call a class of a model."""

    #: the class's name, readable: ``Japanese spaniel``.
    breed: str
    #: today's English name: ``Japanese Chin``.
    english: str
    #: None if Indonesian has no name of its own.
    indonesian: str | None


def names_of(label: str) -> BreedNames:
    """Names of a model's class: ``n02085782-Japanese_spaniel``, ``Japanese_spaniel`` or whatever a user calls it."""
    folder = _FOLDER.fullmatch(label.strip())
    name = " ".join((folder[2] if folder else label).replace("_", " ").split())
    known = _BY_NAME.get(name.casefold())
    if known is None:
        return BreedNames(name, name, None)
    return BreedNames(name, known.english or known.name, known.indonesian or None)


#: In the order of ImageNet.
BREEDS: Final = (
    Breed("n02085620", 151, "Chihuahua"),
    Breed("n02085782", 152, "Japanese spaniel", english="Japanese Chin", indonesian="Spaniel Jepang"),
    Breed("n02085936", 153, "Maltese dog", english="Maltese", indonesian="Anjing Malta"),
    Breed("n02086079", 154, "Pekinese", english="Pekingese"),
    Breed("n02086240", 155, "Shih-Tzu"),
    Breed("n02086646", 156, "Blenheim spaniel", english="Cavalier King Charles Spaniel (Blenheim)"),
    Breed("n02086910", 157, "papillon"),
    Breed("n02087046", 158, "toy terrier", english="English Toy Terrier"),
    Breed("n02087394", 159, "Rhodesian ridgeback"),
    Breed("n02088094", 160, "Afghan hound", indonesian="Anjing Afgan"),
    Breed("n02088238", 161, "basset", english="Basset Hound"),
    Breed("n02088364", 162, "beagle"),
    Breed("n02088466", 163, "bloodhound"),
    Breed("n02088632", 164, "bluetick", english="Bluetick Coonhound"),
    Breed("n02089078", 165, "black-and-tan coonhound"),
    Breed("n02089867", 166, "Walker hound", english="Treeing Walker Coonhound"),
    Breed("n02089973", 167, "English foxhound", indonesian="Anjing rubah Inggris"),
    Breed("n02090379", 168, "redbone", english="Redbone Coonhound"),
    Breed("n02090622", 169, "borzoi"),
    Breed("n02090721", 170, "Irish wolfhound", indonesian="Anjing serigala Irlandia"),
    Breed("n02091032", 171, "Italian greyhound", indonesian="Greyhound Italia"),
    Breed("n02091134", 172, "whippet"),
    Breed("n02091244", 173, "Ibizan hound"),
    Breed("n02091467", 174, "Norwegian elkhound", indonesian="Elkhound Norwegia"),
    Breed("n02091635", 175, "otterhound"),
    Breed("n02091831", 176, "Saluki"),
    Breed("n02092002", 177, "Scottish deerhound", indonesian="Deerhound Skotlandia"),
    Breed("n02092339", 178, "Weimaraner"),
    Breed("n02093256", 179, "Staffordshire bullterrier", english="Staffordshire Bull Terrier"),
    Breed("n02093428", 180, "American Staffordshire terrier", indonesian="Terrier Staffordshire Amerika"),
    Breed("n02093647", 181, "Bedlington terrier"),
    Breed("n02093754", 182, "Border terrier"),
    Breed("n02093859", 183, "Kerry blue terrier"),
    Breed("n02093991", 184, "Irish terrier", indonesian="Terrier Irlandia"),
    Breed("n02094114", 185, "Norfolk terrier", indonesian="Terrier Norfolk"),
    Breed("n02094258", 186, "Norwich terrier", indonesian="Terrier Norwich"),
    Breed("n02094433", 187, "Yorkshire terrier", indonesian="Terrier Yorkshire"),
    Breed("n02095314", 188, "wire-haired fox terrier", english="Wire Fox Terrier"),
    Breed("n02095570", 189, "Lakeland terrier"),
    Breed("n02095889", 190, "Sealyham terrier"),
    Breed("n02096051", 191, "Airedale", english="Airedale Terrier"),
    Breed("n02096177", 192, "cairn", english="Cairn Terrier"),
    Breed("n02096294", 193, "Australian terrier", indonesian="Terrier Australia"),
    Breed("n02096437", 194, "Dandie Dinmont", english="Dandie Dinmont Terrier"),
    Breed("n02096585", 195, "Boston bull", english="Boston Terrier", indonesian="Terrier Boston"),
    Breed("n02097047", 196, "miniature schnauzer", indonesian="Schnauzer mini"),
    Breed("n02097130", 197, "giant schnauzer", indonesian="Schnauzer raksasa"),
    Breed("n02097209", 198, "standard schnauzer", indonesian="Schnauzer standar"),
    Breed("n02097298", 199, "Scotch terrier", english="Scottish Terrier", indonesian="Terrier Skotlandia"),
    Breed("n02097474", 200, "Tibetan terrier", indonesian="Terrier Tibet"),
    Breed("n02097658", 201, "silky terrier", english="Australian Silky Terrier"),
    Breed("n02098105", 202, "soft-coated wheaten terrier"),
    Breed("n02098286", 203, "West Highland white terrier"),
    Breed("n02098413", 204, "Lhasa", english="Lhasa Apso"),
    Breed("n02099267", 205, "flat-coated retriever"),
    Breed("n02099429", 206, "curly-coated retriever"),
    Breed("n02099601", 207, "golden retriever"),
    Breed("n02099712", 208, "Labrador retriever"),
    Breed("n02099849", 209, "Chesapeake Bay retriever"),
    Breed(
        "n02100236",
        210,
        "German short-haired pointer",
        english="German Shorthaired Pointer",
        indonesian="Pointer Jerman berbulu pendek",
    ),
    Breed("n02100583", 211, "vizsla"),
    Breed("n02100735", 212, "English setter", indonesian="Setter Inggris"),
    Breed("n02100877", 213, "Irish setter", indonesian="Setter Irlandia"),
    Breed("n02101006", 214, "Gordon setter"),
    Breed("n02101388", 215, "Brittany spaniel", english="Brittany"),
    Breed("n02101556", 216, "clumber", english="Clumber Spaniel"),
    Breed("n02102040", 217, "English springer", english="English Springer Spaniel"),
    Breed("n02102177", 218, "Welsh springer spaniel"),
    Breed("n02102318", 219, "cocker spaniel"),
    Breed("n02102480", 220, "Sussex spaniel"),
    Breed("n02102973", 221, "Irish water spaniel", indonesian="Spaniel air Irlandia"),
    Breed("n02104029", 222, "kuvasz"),
    Breed("n02104365", 223, "schipperke"),
    Breed(
        "n02105056",
        224,
        "groenendael",
        english="Belgian Shepherd (Groenendael)",
        indonesian="Anjing gembala Belgia (Groenendael)",
    ),
    Breed("n02105162", 225, "malinois", english="Belgian Malinois", indonesian="Anjing gembala Belgia (Malinois)"),
    Breed("n02105251", 226, "briard"),
    Breed("n02105412", 227, "kelpie", english="Australian Kelpie", indonesian="Kelpie Australia"),
    Breed("n02105505", 228, "komondor"),
    Breed("n02105641", 229, "Old English sheepdog", indonesian="Anjing gembala Inggris kuno"),
    Breed("n02105855", 230, "Shetland sheepdog", indonesian="Anjing gembala Shetland"),
    Breed("n02106030", 231, "collie", english="Rough Collie"),
    Breed("n02106166", 232, "Border collie"),
    Breed("n02106382", 233, "Bouvier des Flandres"),
    Breed("n02106550", 234, "Rottweiler"),
    Breed("n02106662", 235, "German shepherd", english="German Shepherd Dog", indonesian="Anjing gembala Jerman"),
    Breed("n02107142", 236, "Doberman", english="Doberman Pinscher"),
    Breed("n02107312", 237, "miniature pinscher", indonesian="Pinscher mini"),
    Breed("n02107574", 238, "Greater Swiss Mountain dog", indonesian="Anjing gunung Swiss besar"),
    Breed("n02107683", 239, "Bernese mountain dog", indonesian="Anjing gunung Bern"),
    Breed("n02107908", 240, "Appenzeller", english="Appenzeller Sennenhund"),
    Breed("n02108000", 241, "EntleBucher", english="Entlebucher Mountain Dog"),
    Breed("n02108089", 242, "boxer"),
    Breed("n02108422", 243, "bull mastiff", english="Bullmastiff"),
    Breed("n02108551", 244, "Tibetan mastiff", indonesian="Mastiff Tibet"),
    Breed("n02108915", 245, "French bulldog", indonesian="Bulldog Prancis"),
    Breed("n02109047", 246, "Great Dane"),
    Breed("n02109525", 247, "Saint Bernard", indonesian="Anjing Santo Bernardus"),
    Breed("n02109961", 248, "Eskimo dog", english="Canadian Eskimo Dog", indonesian="Anjing Eskimo"),
    Breed("n02110063", 249, "malamute", english="Alaskan Malamute", indonesian="Malamut Alaska"),
    Breed("n02110185", 250, "Siberian husky", indonesian="Husky Siberia"),
    Breed("n02110341", 251, "dalmatian", english="Dalmatian", indonesian="Dalmatia"),
    Breed("n02110627", 252, "affenpinscher"),
    Breed("n02110806", 253, "basenji"),
    Breed("n02110958", 254, "pug"),
    Breed("n02111129", 255, "Leonberg", english="Leonberger"),
    Breed("n02111277", 256, "Newfoundland"),
    Breed("n02111500", 257, "Great Pyrenees", english="Pyrenean Mountain Dog", indonesian="Anjing gunung Pirenia"),
    Breed("n02111889", 258, "Samoyed"),
    Breed("n02112018", 259, "Pomeranian"),
    Breed("n02112137", 260, "chow", english="Chow Chow"),
    Breed("n02112350", 261, "keeshond"),
    Breed("n02112706", 262, "Brabancon griffon", english="Griffon Bruxellois"),
    Breed("n02113023", 263, "Pembroke", english="Pembroke Welsh Corgi"),
    Breed("n02113186", 264, "Cardigan", english="Cardigan Welsh Corgi"),
    Breed("n02113624", 265, "toy poodle", indonesian="Pudel mainan"),
    Breed("n02113712", 266, "miniature poodle", indonesian="Pudel mini"),
    Breed("n02113799", 267, "standard poodle", indonesian="Pudel standar"),
    Breed("n02113978", 268, "Mexican hairless", english="Xoloitzcuintli", indonesian="Anjing tak berbulu Meksiko"),
    Breed("n02115641", 273, "dingo", english="Dingo", indonesian="Dingo"),
    Breed("n02115913", 274, "dhole", english="Dhole", indonesian="Ajak"),
    Breed("n02116738", 275, "African hunting dog", english="African Wild Dog", indonesian="Anjing liar Afrika"),
)
_BY_NAME: Final = {breed.name.casefold(): breed for breed in BREEDS}
