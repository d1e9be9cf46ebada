"""The desk itself: epochs, people, policy, versions in force, days, commands."""

from dataclasses import replace

from engine.core.folds import safety
from engine.core.folds.limits import refused
from engine.core.state import State
from engine.domain import events as e
from engine.domain.governance import (
    ModelInForce,
    ParameterVersion,
)
from engine.domain.incidents import Incident, IncidentState
from engine.domain.playbook import Drilled
from engine.domain.strategy import known_values


def engine_started(state: State, event: e.EngineStarted) -> None:
    state.epoch = event.epoch
    state.code = event.code
    state.mode = event.mode
    state.next_child = 1
    for incident in tuple(state.incidents.values()):
        if incident.state == IncidentState.ASKED:  # the start before died before the answer
            state.incidents[incident.id] = replace(incident, state=IncidentState.UNKNOWN)


def desk_carried(state: State, event: e.DeskCarried) -> None:
    """Everything that outlives a day; orders of the day before are gone."""
    state.epoch, state.code, state.mode = event.epoch, event.code, event.mode
    state.session, state.is_open = event.session, False
    state.speed, state.seed = event.speed, event.seed
    state.people = {row.id: row for row in event.people}
    state.policy = event.policy
    state.parameters = {row.strategy: row for row in event.parameters}
    state.models = {row.strategy: row for row in event.models}
    state.trusted = dict(event.trusted) or {
        row.strategy: (row.model_id,) for row in event.models if row.model_id
    }
    state.rollouts = {row.strategy: row for row in event.rollouts}
    state.judged, state.lapsed = dict(event.judged), dict(event.lapsed)
    state.kills = {row.id: row for row in event.kills}
    state.changes = {row.id: row for row in event.changes}
    state.alerts = {row.id: row for row in event.alerts}
    state.reports = dict(event.reports)
    state.signed = dict(event.signed)
    (
        state.next_parent,
        state.next_child,
        state.next_kill,
        state.next_change,
        state.next_alert,
    ) = event.next_ids
    state.kill_generation = event.kill_generation
    state.playbook = {}
    for text in event.playbook:
        state.playbook[text.section] = (*state.playbook.get(text.section, ()), text)
    state.drilled = {row.kind: row for row in event.drilled}
    state.limits.carry(event.limits)
    safety.carried(state, event)
    _clear_day(state)


def _clear_day(state: State) -> None:
    state.parents = {}
    state.children = {}
    state.ended = {}
    state.live = {}
    state.comments = {}
    state.strays = {}
    state.limits.clear_day()
    state.own_volume = {}
    state.venues = ()
    state.lost = frozenset()
    state.trouble = {}
    state.incidents = {}
    state.use = {}
    safety.clear_day(state)
    state.venue_use = {}
    state.commands = {}
    state.asked = {}


def people_set(state: State, event: e.PeopleSet) -> None:
    state.people = {person.id: person for person in event.people}


def policy_set(state: State, event: e.PolicySet) -> None:
    state.policy = event.policy


def parameters_set(state: State, event: e.ParametersSet) -> None:
    state.parameters[event.strategy] = ParameterVersion(
        strategy=event.strategy,
        version=event.version,
        values=known_values(event.strategy, event.values),
        change_id=event.change_id,
        by=event.by,
        since=state.desk_ns,
    )


def model_set(state: State, event: e.ModelSet) -> None:
    state.models[event.strategy] = ModelInForce(
        strategy=event.strategy,
        model_id=event.model_id,
        change_id=event.change_id,
        card=event.card,
        by=event.by,
        since=state.desk_ns,
    )
    known = state.trusted.get(event.strategy, ())
    if event.model_id and event.model_id not in known:
        state.trusted[event.strategy] = (*known, event.model_id)


def model_judged(state: State, event: e.ModelJudged) -> None:
    state.judged[event.model_id] = event.against


def model_demoted(state: State, event: e.ModelDemoted) -> None:
    """It decides no more, and whoever is asked for it again is told why."""
    lapse(state, event.model_id, f"demoted in force: it {event.cause}")
    state.models[event.strategy] = replace(state.models[event.strategy], demoted=event.cause)


def lapse(state: State, model_id: str, sentence: str) -> None:
    """Keep with a version why it was demoted, each reason once."""
    known = state.lapsed.get(model_id, ())
    state.lapsed[model_id] = tuple(dict.fromkeys((*known, sentence)))


def session_opened(state: State, event: e.SessionOpened) -> None:
    """A new day: yesterday's orders leave the state, ids and governance stay."""
    state.session = event.session
    state.is_open = True
    state.source = event.source
    state.seed = event.seed
    state.instruments = {row.symbol: row for row in event.instruments}
    _clear_day(state)


def session_closed(state: State, event: e.SessionClosed) -> None:
    del event
    state.is_open = False


def venues_seen(state: State, event: e.VenuesSeen) -> None:
    state.venues = event.venues


def venue_lost(state: State, event: e.VenueLost) -> None:
    state.lost = state.lost | {event.venue}


def venue_back(state: State, event: e.VenueBack) -> None:
    state.lost = state.lost - {event.venue}


def trouble_seen(state: State, event: e.TroubleSeen) -> None:
    state.trouble[event.kind, event.object] = event.since


def trouble_over(state: State, event: e.TroubleOver) -> None:
    state.trouble.pop((event.kind, event.object), None)


def incident_asked(state: State, event: e.IncidentAsked) -> None:
    state.incidents[event.incident_id] = Incident(
        id=event.incident_id,
        kind=event.kind,
        venue=event.venue,
        symbol=event.symbol,
        seconds=event.seconds,
        size=event.size,
        by=event.by,
        reason=event.reason,
        asked_at=state.market_ns,
        child=event.child,
        trainee=event.trainee,
    )


def incident_started(state: State, event: e.IncidentStarted) -> None:
    state.incidents[event.incident_id] = replace(
        state.incidents[event.incident_id],
        state=IncidentState.STARTED,
        started_at=event.started_at,
        ends_at=event.ends_at,
    )
    begun = state.incidents[event.incident_id]
    state.drilled[begun.kind] = Drilled(kind=begun.kind, by=begun.by, at=state.desk_ns)


def incident_not_started(state: State, event: e.IncidentNotStarted) -> None:
    state.incidents[event.incident_id] = replace(
        state.incidents[event.incident_id],
        state=IncidentState.UNKNOWN if event.is_unknown else IncidentState.REFUSED,
        sentence=event.sentence,
    )


def speed_set(state: State, event: e.SpeedSet) -> None:
    state.speed = event.speed


def command_taken(state: State, event: e.CommandTaken) -> None:
    envelope = event.envelope
    state.commands[envelope.id] = ""
    state.asked[envelope.id] = (envelope.person, envelope.command)


def command_refused(state: State, event: e.CommandRefused) -> None:
    state.commands[event.id] = event.sentence
    refused(state, event.rule)
