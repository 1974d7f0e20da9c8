"""Laws of deciding: cases form a lattice, records choose again, growth comes last."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.decide import (
    DO_NOTHING,
    OUTCOME_REPORTED,
    TIERS,
    Case,
    Decision,
    Need,
    Rules,
    choose_again,
    decode_case,
    encode_case,
    explain,
    merge_cases,
    new_case,
    split_case,
)
from heedful.decide.case import (
    DECIDED,
    NEED_INSTANCES_MAX,
    SCHEMA,
    STANDING_MAX,
    STATUSES,
    Assignment,
    EffectNote,
    Firing,
    GoalWindow,
    Mute,
    OpenNeed,
    Standing,
    bounded_needs,
)
from heedful.decide.definitions import Prior
from heedful.kernel import public_id
from tests.simulation.lives import MONDAY, Findings, Game, Life
from tests.simulation.records import ONE, SECRET
from tests.simulation.strategies import drawn_strategy
from tests.simulation.test_arbitrate import drawn_traits, turn
from tests.unit.decide.world import World, help_with, offer, written

# ---- cases: what names an entry says all that never changes; what rises is drawn

keys = st.integers(0, 7)
statuses = st.integers(0, len(STATUSES) - 1)
instants = st.integers(1, 5)


@st.composite
def needs(draw: st.DrawFn, owner: int) -> OpenNeed:
    key, name = draw(keys), draw(st.sampled_from(["a", "b"]))
    closed_at = draw(st.just(0) | instants)
    return OpenNeed(
        opened_at=key // 2,
        event=key * 10 + owner,
        name=name,
        tier=TIERS[key % 4],
        fragment=key % 2 * 10 + owner,
        expires_at=key + 9,
        closed_at=closed_at,
        reason=draw(st.sampled_from(["event", "condition"])) if closed_at else "",
        is_rearmed=draw(st.booleans()),
        tried=sorted(draw(st.sets(st.sampled_from(["x", "y", "z"]), max_size=2))),
    )


@st.composite
def standings(draw: st.DrawFn, owner: int) -> Standing:
    key = draw(keys)
    return Standing(
        at=key // 2,
        id=key * 10 + owner,
        fragment=key % 2 * 10 + owner,
        trigger=key,
        version="v1",
        slot="",
        action="x",
        channel="email",
        treatment="default",
        tier="service",
        message_class="service",
        need="a",
        need_event=key,
        p_choose=ONE,
        model="beta",
        model_seq=key,
        stands_until=draw(instants),
        status=draw(statuses),
        approval=draw(st.integers(0, 2)),
        effects=[
            EffectNote(
                id_, "message", draw(instants), 9, draw(statuses), draw(st.sampled_from("pq"))
            )
            for id_ in sorted(draw(st.sets(st.sampled_from(["f_1", "f_2"]))))
        ],
        goals=[
            GoalWindow(goal, key + 3, draw(st.integers(0, 3)), draw(st.integers(0, 2)))
            for goal in sorted(draw(st.sets(st.sampled_from(["buy", "look"]))))
        ],
    )


@st.composite
def mutes(draw: st.DrawFn, owner: int) -> Mute:
    key = draw(keys)
    message_class = draw(st.sampled_from(["promotional", "service"]))
    return Mute(key, key // 2, key * 10 + owner, message_class, key % 2 * 10 + owner, "rule")


@st.composite
def firings(draw: st.DrawFn, owner: int) -> Firing:
    name, fragment = draw(st.sampled_from("rs")), draw(st.integers(0, 1)) * 10 + owner
    return Firing(draw(instants), name, fragment, draw(st.booleans()))


@st.composite
def assignments(draw: st.DrawFn, owner: int) -> Assignment:
    key = draw(keys)
    return Assignment(key // 2, key * 10 + owner, "global", key % 2 * 10 + owner, key % 3 == 0)


@st.composite
def cases(draw: st.DrawFn, owner: int = 0) -> Case:
    """A case as steps leave it: merged from entries, so in order, each once, within bounds."""
    kinds = (needs, standings, mutes, firings, assignments)
    case = new_case()
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.integers(0, 4))
        parts: list[list[Any]] = [[], [], [], [], []]
        parts[kind] = [draw(kinds[kind](owner))]
        case = merge_cases(case, Case(SCHEMA, *parts))
    return case


def copied(case: Case) -> Case:
    """Give a private copy: merging shares parts."""
    return decode_case(encode_case(case))


def merged(left: Case, right: Case) -> bytes:
    return encode_case(merge_cases(copied(left), copied(right)))


@settings(max_examples=60)
@given(cases(), cases())
def test_joining_two_cases_commutes(left: Case, right: Case) -> None:
    assert merged(left, right) == merged(right, left)


@settings(max_examples=60)
@given(cases(), cases(), cases())
def test_joining_three_cases_associates(a: Case, b: Case, c: Case) -> None:
    left = merged(decode_case(merged(a, b)), c)
    assert left == merged(a, decode_case(merged(b, c)))


@settings(max_examples=60)
@given(cases(), cases())
def test_joining_again_changes_nothing(left: Case, right: Case) -> None:
    once = merged(left, right)
    assert merged(decode_case(once), right) == once
    assert merged(decode_case(once), left) == once
    assert merged(left, left) == encode_case(left)
    assert merged(left, new_case()) == encode_case(left)


@settings(max_examples=60)
@given(cases(owner=1), cases(owner=2))
def test_taking_apart_gives_each_their_own_back(left: Case, right: Case) -> None:
    both = merge_cases(copied(left), copied(right))
    inside, outside = split_case(both, frozenset((1, 11)))
    assert encode_case(inside) == encode_case(left)
    assert encode_case(outside) == encode_case(right)


@settings(max_examples=60)
@given(cases())
def test_the_bytes_of_a_case_are_canonical(case: Case) -> None:
    body = encode_case(case)
    assert encode_case(decode_case(body)) == body
    assert decode_case(body) == case


@settings(max_examples=40)
@given(st.lists(st.integers(0, 3 * STANDING_MAX), max_size=3 * STANDING_MAX), st.randoms())
def test_bounds_keep_the_newest_however_cases_are_joined(numbers: list[int], luck: Random) -> None:
    def one(number: int) -> Case:
        need = OpenNeed(number, number, "a", "service", 1, number + 9)
        standing = Standing(
            at=number,
            id=number,
            fragment=1,
            trigger=number,
            version="v1",
            slot="",
            action="x",
            channel="email",
            treatment="default",
            tier="service",
            message_class="service",
            need="",
            need_event=0,
            p_choose=ONE,
            model="beta",
            model_seq=0,
            stands_until=number,
        )
        return Case(SCHEMA, [need], [standing])

    parts = [one(number) for number in numbers]
    while len(parts) > 1:
        luck.shuffle(parts)
        parts.append(merge_cases(parts.pop(), parts.pop()))
    newest = sorted(set(numbers))
    case = parts[0] if parts else new_case()
    assert [s.id for s in case.standing] == newest[-STANDING_MAX:]
    assert [n.event for n in case.needs] == newest, "a join forgets no need; the next step does"
    assert bounded_needs(case.needs) == case.needs
    for need in case.needs[1:]:
        need.closed_at = need.opened_at + 1
    kept = {*newest[:1], *newest[-NEED_INSTANCES_MAX:]}
    assert [n.event for n in bounded_needs(case.needs)] == sorted(kept)


@settings(max_examples=60)
@given(cases())
def test_a_case_that_waits_is_active(case: Case) -> None:
    waits = any(
        effect.kind == "message" and effect.status == DECIDED
        for standing in case.standing
        for effect in standing.effects
    )
    assert case.is_active is waits


# ---- decisions of random people under random strategies


class Kept(Findings):
    """Keeps what was decided."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Decision] = []

    def count(self, decision: Decision) -> None:
        super().count(decision)
        self.kept.append(decision)


def lived(seed: int) -> tuple[list[Decision], Game]:
    """Let two people live for a while under one strategy."""
    luck, found = Random(seed), Kept()
    game = Game(drawn_strategy(luck), found)
    lives = [Life(game, seed * 2 + number, luck, MONDAY + 36_000_000) for number in range(2)]
    for life in lives:
        life.happen("identify", "identify", traits=drawn_traits(luck))
        for purpose in ("marketing", "profiling", "texting"):
            life.now += 1
            said = {"purpose": purpose, "channel": "*", "status": "granted"}
            life.happen("own", "Consent Changed", properties=said)
    for _ in range(60):
        turn(lives[luck.randrange(len(lives))], lives)
    return found.kept, game


seeds = st.integers(0, 1 << 40)


@settings(max_examples=10)
@given(seeds)
def test_chances_are_integers_that_sum_to_one_and_choose_again(seed: int) -> None:
    for decision in lived(seed)[0]:
        weights = [candidate.weight for candidate in decision.candidates]
        assert all(type(weight) is int and weight >= 0 for weight in weights)
        assert sum(weights) == ONE
        again = decision.candidates[choose_again(decision, SECRET)]
        assert (again.verdict, again.weight) == ("chosen", decision.p_choose)
        assert again.action == decision.action


@settings(max_examples=10)
@given(seeds)
def test_every_decision_is_told_in_one_sentence(seed: int) -> None:
    decisions, game = lived(seed)
    for decision in decisions:
        for rules in (game.rules, other_version(game)):
            told = explain(decision, rules)
            assert told.sentence.count(". ") == 0
            assert told.sentence.endswith(".")
            assert told.sentence[0].isalpha()
            assert "\n" not in told.sentence
            assert len(told.candidates) == len(decision.candidates)
            assert all(change.sentence.endswith(".") for change in told.would_change)


def other_version(game: Game) -> Rules:
    """Give rules that know nothing of the decision's actions."""
    return World(written()).rules


@settings(max_examples=10)
@given(seeds)
def test_nothing_is_chosen_by_which_the_person_loses(seed: int) -> None:
    decisions, game = lived(seed)
    for decision in decisions:
        if decision.action != DO_NOTHING:
            assert game.actions[decision.action].benefit >= 0
        for candidate in decision.candidates:
            if candidate.verdict != "gated":
                assert candidate.terms.get("benefit", 0) >= 0


@settings(max_examples=10)
@given(seeds)
def test_the_same_life_is_decided_the_same(seed: int) -> None:
    assert lived(seed)[0] == lived(seed)[0]


# ---- hardship, then service, then retention; growth last and only alone


@st.composite
def shelves(draw: st.DrawFn) -> dict[str, int]:
    """How many actions there are for each tier."""
    return {tier: draw(st.integers(0, 2)) for tier in TIERS}


@settings(max_examples=40)
@given(st.sets(st.sampled_from(TIERS[:3])), shelves(), st.floats(0.1, 10.0))
def test_tiers_are_answered_strictly_in_order(
    is_open: set[str], counts: dict[str, int], lever: float
) -> None:
    flags = {"hardship": "in_hardship", "service": "needs_service", "retention": "is_leaving"}
    # The further down, the more it is worth: no value may buy a lower tier open.
    actions = [
        (help_with if tier in ("hardship", "service") else offer)(
            f"{tier}_{i}",
            tier=tier,
            benefit=10.0**rank,
            prior=Prior(0.5, 1_000_000.0),
            lever=lever if tier == "growth" else 0.1,
        )
        for rank, tier in enumerate(TIERS)
        for i in range(counts[tier])
    ]
    opening = tuple(
        Need(name=tier, tier=tier, opens_when=f"traits.{flag}", expires_after="7d")
        for tier, flag in flags.items()
    )
    world = World(written(needs=opening, actions=tuple(actions)))
    world.identify(**{flag: tier in is_open for tier, flag in flags.items()})
    world.consent()
    answered = []
    for _ in range(len(actions) + 1):
        decision = world.ask(placement="home")
        if decision.action == DO_NOTHING:
            break
        answered.append(decision.tier)
        said = {"decision_id": public_id("d", decision.id), "outcome": "rejected"}
        world.now += 1
        world.say(OUTCOME_REPORTED, said)
        world.now += 1
        if decision.tier == "growth":
            break
    wanted = [tier for tier in TIERS[:3] if tier in is_open for _ in range(counts[tier])]
    if not is_open and counts["growth"]:
        wanted = ["growth"]
    assert answered == wanted
