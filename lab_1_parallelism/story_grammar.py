"""The grammar behind `stories`, as data.

`{slot}` is fixed for a story (hero, friend, place, …), `[word]` is drawn from WORDS each time. What a model
can learn from it lies at several scales: spelling and frequent words in tens of steps, which words go
together in hundreds, and what was said before (who, where, which colour) in thousands.
"""

# One word (or a few, joined by _) each; early words are drawn more often than late ones, as in real text.
WORDS: dict[str, list[str]] = {
    name: [word.replace("_", " ") for word in words.split()]
    for name, words in {
        "girl": """Lily Mia Anna Sara Nora Ella Ruby Zoe Ida Maya Clara Lucy Rosa Emma Jane Tilda Freya Amy
            Hana Olga""",
        "boy": """Tom Ben Max Leo Sam Finn Jack Tim Noah Hugo Oskar Luca Paul Emil Adam Milo Otto Karl Amir
            Theo""",
        "kind": "little small young clever brave curious quiet cheerful shy busy gentle funny careful lively",
        "animal": """dog cat rabbit bird mouse fox duck squirrel bear frog hedgehog turtle pony owl kitten
            puppy donkey goat lamb beaver crow snail otter""",
        "toy": """ball doll kite toy_car teddy_bear boat drum train puzzle book hat scarf balloon crayon robot
            wooden_horse music_box yo-yo paper_plane lantern whistle marble""",
        "colour": "red blue green yellow white brown black pink purple golden silver striped spotted",
        "size": "big small little tiny huge long round soft heavy shiny old new",
        "place": """park garden forest beach farm meadow river lake hill school playground village market
            library field pond harbour castle bridge orchard cave""",
        "room": "kitchen bedroom attic hall cellar bathroom shed living_room barn",
        "spot": """bed table chair box tree bench bush sofa basket cupboard stone blanket carpet shelf stairs
            bucket wall gate""",
        "food": """apple cake cookie sandwich carrot berry pear banana pie nut plum pancake potato cherry
            muffin peach biscuit bun tart radish""",
        "weather": "sunny warm windy cold cloudy rainy snowy foggy bright stormy quiet",
        "joy": "happy excited proud glad cheerful calm merry",
        "gloom": "sad scared tired angry worried lonely nervous upset",
        "manner": "quickly slowly carefully quietly happily bravely gently loudly softly kindly suddenly",
        "adult": "mother father grandmother grandfather teacher aunt uncle neighbour",
        "skill": """swim sing dance read draw whistle climb paint bake juggle skate count_to_a_hundred
            tie_a_knot ride_a_bike catch_a_ball play_the_drum tell_a_joke build_a_tower""",
        "thing": "cup vase window plate lamp clock jar mirror bowl teapot picture candle",
        "weekday": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "number": "two three four five six seven eight nine ten twelve",
        "sound": "splash crack thump rustle squeak bang knock whisper roar buzz",
    }.items()
}

OPENINGS = """
Once upon a time there was a {kind} {child} named {hero}.
One {weather} day a {kind} {child} called {hero} woke up early.
In a house near the {place} lived a {kind} {child} whose name was {hero}.
{hero} was a {kind} {child} who loved the {place}.
Long ago, in a village by the {place}, there lived a {child} named {hero}.
It was a {weather} [weekday] and {hero} felt [joy].
There once was a {child} named {hero}, and {he} was very {kind}.
{hero} and {his} {adult} lived next to a [size] {place}.
On [weekday] morning {hero} looked out of the window and saw that it was {weather}.
""".strip().splitlines()

DETAILS = """
{He} had a {colour} {toy} that {he} took everywhere.
{He} always wore {colour} shoes and a [colour] hat.
{His} best friend was a {colour} {animal} named {friend}.
Every day {he} ate a [food] before going out.
{His} {adult} told {him} to be home before dark.
{He} lived with {his} {adult} and [number] [size] chickens.
The air smelled of [food] and {he} began to hum.
{He} counted [number] birds above the {place}.
It was so {weather} that {he} put on a [colour] scarf.
{He} liked to look under the [spot] for treasure.
""".strip().splitlines()

SPEECH = """
"Can you help me?" asked {hero}. "Of course," said {friend}.
"Do not be [gloom]," said {friend}. "I am here."
"Look at that!" said {hero} [manner]. "It is [colour]!"
"What a [size] {toy}!" said {his} {adult} with a smile.
"Let us try once more," said {friend}, and {hero} nodded.
"I have an idea," whispered {friend}. "Come with me."
"Thank you, {friend}," said {hero}. "You are very kind."
"Are you [gloom]?" asked {his} {adult}. "Yes, a little," said {hero}.
"One, two, three!" they called, and both of them laughed.
""".strip().splitlines()

ENDINGS = """
From that day on, {hero} and {friend} were best friends.
{hero} went home to {his} {adult} and told the whole story.
That night {hero} fell asleep with the {toy} next to the pillow.
{hero} felt [gloom] no more, and {friend} was [joy] too.
Then they shared a [food] and watched the sun go down.
{His} {adult} gave {him} a hug and a warm [food].
{hero} smiled, because it had been a very good day.
And they all lived happily by the {place}.
{hero} learned that it is good to be kind.
{hero} learned that a friend is better than a [colour] [toy].
{hero} learned to ask for help and never to give up.
{hero} learned that telling the truth makes a heart light.
""".strip().splitlines()

# A plot is its parts in order, separated by blank lines; a part is one of its lines.
PLOTS = [
    [part.splitlines() for part in plot.strip().split("\n\n")]
    for plot in (
        """
One day {hero} could not find the {colour} {toy}.
When {hero} came back from the {place}, the {colour} {toy} was gone.
{hero} looked for {his} {colour} {toy}, but it was not there.

{He} looked under the [spot] and behind the [spot], but found only a [food].
First {he} searched the [room], then the [room].
{He} ran to the {place} and looked behind every [spot].
{He} asked {his} {adult}, but {his} {adult} had not seen it.

{hero} sat down near the {spot} and felt [gloom].
A tear ran down {his} cheek.
"Where is my {toy}?" cried {hero}.

Then a {animal} named {friend} came along and sniffed [manner].
Just then {friend} the {animal} heard {him} and came out from behind the [spot].
{friend} the {animal} knew the {place} very well and wanted to help.

Together they went back, and there, under the {spot}, lay the {colour} {toy}!
{friend} pulled [manner], and out of the {spot} came the {toy}.
The {toy} had been under the {spot} all the time.
""",
        """
At the {place} {hero} met a {size} {animal}.
On the way to the {place} {hero} heard a [sound]. It was a {size} {animal}.
A {size} {animal} sat all alone near the {place}.

The {animal} was [gloom] and hid behind the {spot}.
At first {hero} was [gloom], because the {animal} was so {size}.
The {animal} looked at {him} with [size] eyes and did not move.

{hero} took a {food} out of {his} bag and put it on the ground.
"Would you like a {food}?" asked {hero} [manner].
{He} sat down and waited, with a {food} in {his} hand.

The {animal} came closer [manner] and ate the {food}.
Step by step the {animal} came and took the {food}.
"My name is {friend}," said the {animal}, "and I love every {food}."

They played with the {colour} {toy} until it was dark.
{friend} and {hero} ran around the {spot} [number] times.
{friend} showed {him} a [size] [spot] where nobody had ever been.
""",
        """
{hero} and {friend} wanted to go to the {place} and eat a {food}.
It was the day of the trip to the {place}, and {hero} had packed a {food}.
{friend} had asked {hero} to come to the {place} with a {food}.

But then the sky turned [colour] and it began to rain.
But a [weather] wind came and blew the {food} away.
But when they opened the door, it was [weather] outside.

{hero} was [gloom]. "Now we cannot go," said {friend}.
They stood at the window, and both were [gloom].
{friend} the {animal} shook [manner] and said nothing.

"We can have our trip in the {room}," said {his} {adult}.
Then {hero} put a [colour] blanket over the {spot}. "This is our {place}!"
So they carried the {food} up to the {room} and lit a candle.

They ate the {food} in the {room} and told stories about the {place}.
{friend} sang a song about a {colour} {toy}, and {hero} danced.
When the sun came back, they did not even want to go out.
""",
        """
{hero} wanted to learn how to {skill}.
All the others could {skill}, but {hero} could not.
More than anything, {hero} wished to {skill} like {his} {adult}.

{He} tried once, and fell over the {spot}.
On the first try {he} made a loud [sound] and stopped.
{He} tried [number] times, but it did not work.

"It is too hard," said {hero}. "I will never {skill}."
{He} felt [gloom] and threw the {toy} into the {room}.
{friend} the {animal} laughed, and {hero} turned [colour].

"You must practise every day," said {his} {adult} [manner].
{friend} said, "I will show you. Watch me."
So every morning {he} went to the {place} to practise with {friend}.

After [number] days {hero} could {skill}!
Then, on a [weather] [weekday], it worked. {hero} could {skill}!
At last {he} did it, and everybody at the {place} clapped.
""",
        """
{hero} played with the {toy} in the {room}, although {he} was not allowed to.
In the {room} stood a {colour} {thing} that nobody should touch.
{hero} threw the {toy} through the {room}.

Crash! The {colour} {thing} fell and broke into [number] pieces.
There was a [sound], and the {thing} lay on the floor.
The {toy} hit the {colour} {thing}, and it broke.

{hero} hid the pieces under the {spot}.
{He} was [gloom] and ran to the {place}.
"It was {friend} the {animal}," said {hero}, but that was not true.

{friend} looked so [gloom] that {hero} could not sleep.
All day {he} thought of the {thing}, and {he} could not eat {his} {food}.
In the evening {his} {adult} asked, "Who broke the {thing}?"

"I broke the {thing}," said {hero}. "I am sorry."
{hero} went to {his} {adult} and told the truth.
Then {he} took the pieces from under the {spot} and said sorry.

{His} {adult} was not angry. Together they glued the {thing}.
"Thank you for telling me," said {his} {adult}.
They bought a new {thing}, and it was even more {colour}.
""",
        """
{hero} and {friend} both wanted the {colour} {toy}.
At the {place} there was only one {colour} {toy}.
{hero} found a {colour} {toy} at the {place}. "That is mine!" said {friend} the {animal}.

{hero} pulled on one side and {friend} on the other.
"I had it first!" shouted {hero}. "No, I did!" shouted {friend}.
They ran around the {spot} and neither would let go.

Then there was a [sound], and the {toy} was torn.
{friend} fell into the [spot] and began to cry.
Nobody could play, and both were [gloom].

"What if we take turns?" said {hero} [manner].
{His} {adult} said, "You can both have it if you share."
{hero} gave the {toy} to {friend}. "You go first," {he} said.

So {friend} played until [number], and then {hero} had a turn.
They mended the {toy} and played with it together.
Soon they had thought of a game for two.
""",
        """
{hero} and {friend} the {animal} built a boat out of a {spot}.
One morning {hero} wanted to see what was behind the {place}.
{friend} the {animal} had a map of the {place} with a [colour] cross on it.

They walked for [number] hours, past a [size] [spot] and a [colour] house.
They went over the hill and through the {place2}.
They took a {food}, a {toy} and [number] candles with them.

Soon it was dark, and they did not know the way.
In the {place2} a [size] shadow moved, and they heard a [sound].
"We are lost," said {friend}, and {hero} felt [gloom].

Then a [size] [animal] came and asked, "Where do you want to go?"
{hero} climbed [manner] onto the {spot} and saw a light far away.
{friend} remembered the {colour} {spot} by the road home.

They followed it through the {place2}, and there was the {place} again.
At the end they found a {colour} {thing} full of gold.
{His} {adult} stood at the door with a lamp and a {food}.
""",
        """
Tomorrow was the birthday of {friend} the {animal}.
{hero} wanted to give {friend} something special.
{His} friend {friend} turned [number] on [weekday].

But {hero} had only [number] coins, and a {toy} was too much.
{He} went to the market, but they had only a [size] [thing].
{He} thought of a {toy}, a {thing} and a {food}, but nothing was right.

So {he} painted a {thing} with {colour} stars.
{He} took some {colour} paper and made a {toy} out of it.
With {his} {adult} {he} baked a {size} {food}.

On the way to the {place} it fell into the {spot} and got wet.
{He} wrapped it [manner] and carried it through the {place}.
{hero} was [gloom]. What if {friend} did not like it?

{friend} opened it [manner]. "A {colour} {thing}! I always wanted one!"
"It is the best present of all," said {friend}.
{friend} laughed and jumped [number] times around the {spot}.
""",
    )
]

# Slots that are drawn from WORDS, once a story.
CAST = [
    "kind",
    "animal",
    "toy",
    "colour",
    "size",
    "room",
    "spot",
    "food",
    "weather",
    "adult",
    "skill",
    "thing",
]
