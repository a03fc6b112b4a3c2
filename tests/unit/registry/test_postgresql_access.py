"""Who may do what in a registry in PostgreSQL, and what is said to who may not."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from pantler.config.settings import RepositorySettings
from pantler.datasets.collection import CollectionType
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.universe import Universe
from pantler.errors import (
    AccessError,
    ConflictError,
    NotFoundError,
    ReadOnlyError,
    SchemaError,
    SettingsError,
    StorageError,
)
from pantler.queries.query import DatasetSearch, Query
from pantler.registry.sql.postgresql import PostgresqlRegistry
from pantler.registry.sql.postgresql_location import parse_location
from pantler.testing.survey import fill_survey, insert_some, raw_type

SECRET = "hunter2"


def create(location, **settings):
    return PostgresqlRegistry.create(location, Universe.default(), **settings)


def open_(location, **options):
    return PostgresqlRegistry.open(location, **options)


# Places


@pytest.mark.parametrize(
    ("text", "conninfo", "schema"),
    [
        ("postgresql://", "postgresql://", "pantler"),
        ("postgresql://h/d", "postgresql://h/d", "pantler"),
        ("postgresql://h/d?schema=dr1", "postgresql://h/d", "dr1"),
        ("postgresql://u@h:1/d?schema=a%20b", "postgresql://u@h:1/d", "a b"),
        ("postgresql://?service=s&schema=x", "postgresql://?service=s", "x"),
        ("postgresql:///d?host=/run", "postgresql:///d?host=%2Frun", "pantler"),
        (
            "postgresql://a,b:2/d?schema=x&sslmode=require",
            "postgresql://a,b:2/d?sslmode=require",
            "x",
        ),
    ],
)
def test_a_location_is_a_uri_of_libpq_and_a_schema(text, conninfo, schema):
    location = parse_location(text)
    assert (location.conninfo, location.schema) == (conninfo, schema)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mysql://h/d", "begin with 'postgresql://'"),
        ("/some/path", "begin with"),
        ("postgresql:d", "begin with"),
        ("postgresql://h/d#x", "'#x'"),
        ("postgresql://h/d?x", "x"),
        ("postgresql://h/d?schema=", "no name"),
        ("postgresql://h/d?schema=pg_temp", "PostgreSQL itself"),
        ("postgresql://h/d?schema=a&schema=b", "two schemas"),
        (f"postgresql://h/d?schema={'x' * 64}", "63 bytes"),
    ],
)
def test_what_is_no_location_is_refused(text, said):
    with pytest.raises(SettingsError, match=said.replace("?", "[?]")):
        parse_location(text)


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://u:{SECRET}@h/d",
        f"postgresql://:{SECRET}@h/d",
        f"postgresql://u%3A{SECRET}@h/d",
        f"postgresql://%75:{SECRET}@h/d",
        f"postgresql://u:{SECRET}/x@h/d",
        f"postgresql://u:{SECRET}?x@h/d",
        f"postgresql://u:{SECRET}#x@h/d",
        f"postgresql://u:12/{SECRET}@h/d",
        f"postgresql://h/d?password={SECRET}",
        f"postgresql://h/d?user=x&PassWord={SECRET}",
        f"postgresql://h/d?pass%77ord={SECRET}",
        f"postgresql://h/d?sslpassword={SECRET}",
        f"postgresql:// u:{SECRET}@h/d",
    ],
)
def test_a_password_in_a_location_is_refused_and_never_shown(text, tmp_path):
    for use in (
        lambda: parse_location(text),
        lambda: create(text),
        lambda: open_(text),
        lambda: RepositorySettings().with_registry(text),
        lambda: RepositorySettings.from_yaml(
            f"registry: {{kind: postgresql, location: '{text}'}}"
        ),
    ):
        with pytest.raises(SettingsError, match="PGPASSFILE") as caught:
            use()
        assert SECRET not in str(caught.value)


def test_what_looks_like_a_password_in_no_uri_is_not_shown_either():
    with pytest.raises(SettingsError, match="//…@h/d' is not the location") as caught:
        parse_location(f"postgresql://u:12?{SECRET}@h/d")
    assert SECRET not in str(caught.value)


def test_an_at_sign_elsewhere_is_no_password():
    for text in (
        "postgresql://h:5432/d?application_name=me@here",
        "postgresql://h:5432,i:5433/d?application_name=a:b@c",
        "postgresql://me@[::1]:5432/d",
        "postgresql:///d?host=%2Ftmp&user=me@here",
    ):
        assert parse_location(text).text == text


def test_schemas_of_any_name_hold_registries_apart(postgresql, empty_database):
    first, second = 'Ünd "so" \'x', "1:%$1"
    from urllib.parse import quote

    places = [
        postgresql.uri(empty_database, schema=quote(name)) for name in (first, second)
    ]
    for place in places:
        create(place).close()
    with (
        closing(open_(places[0], writeable=True)) as one,
        closing(open_(places[1], writeable=True)) as two,
    ):
        assert one.id != two.id
        one.collections.register("run", CollectionType.RUN)
        assert two.collections.all() == []
        assert [c.name for c in one.collections.all()] == ["run"]


# What is there, and what is not


def test_who_asks_for_what_is_not_there_is_told(postgresql, empty_database):
    with pytest.raises(NotFoundError, match=r"no such database .*createdb"):
        open_(postgresql.uri("nothing"))
    with pytest.raises(NotFoundError, match="no schema 'pantler'"):
        open_(postgresql.uri(empty_database))
    with pytest.raises(StorageError, match="No PostgreSQL server answers") as refused:
        open_("postgresql://127.0.0.1:1/x")
    assert re.search(r"refused\. Is it running, and .* right\?$", str(refused.value))
    with pytest.raises(StorageError, match="No PostgreSQL server answers"):
        open_("postgresql:///x?host=/nowhere")
    with pytest.raises(SettingsError, match="PGSERVICEFILE"):
        open_("postgresql://?service=nothing")
    with pytest.raises(SettingsError, match="invalid"):
        open_("postgresql://h/d?nonsense=1")


def test_a_registry_is_made_once(postgresql, empty_database):
    location = postgresql.uri(empty_database)
    create(location).close()
    with pytest.raises(ConflictError, match="has a registry already"):
        create(location)
    create(postgresql.uri(empty_database, schema="other")).close()


def test_a_schema_of_another_program_is_left_alone(postgresql, empty_database):
    postgresql.run("CREATE SCHEMA pantler", empty_database)
    postgresql.run("CREATE TABLE pantler.nights (name text)", empty_database)
    with pytest.raises(ConflictError, match="another program: nights"):
        create(postgresql.uri(empty_database))
    with pytest.raises(SchemaError, match="not a registry"):
        open_(postgresql.uri(empty_database))
    assert postgresql.run("SELECT * FROM pantler.nights", empty_database) == []
    postgresql.run("CREATE TABLE pantler.attribute (name text)", empty_database)
    with pytest.raises(SchemaError, match="another program"):
        open_(postgresql.uri(empty_database))


def test_a_newer_registry_is_refused(postgresql, database):
    postgresql.run(
        "UPDATE pantler.attribute SET value = '99' "
        "WHERE name IN ('schema_version', 'readable_since')",
        database,
    )
    with pytest.raises(SchemaError, match="99"):
        open_(postgresql.uri(database))


def test_a_creation_that_fails_leaves_nothing(postgresql, empty_database, monkeypatch):
    from pantler.registry.sql import postgresql as module

    def fail(db):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(module, "_keep_ranges_apart", fail)
        with pytest.raises(ZeroDivisionError):
            create(postgresql.uri(empty_database))
    create(postgresql.uri(empty_database)).close()


def test_a_database_of_another_encoding_is_refused(postgresql):
    name = "latin"
    postgresql.run(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    )
    try:
        with pytest.raises(SchemaError, match="LATIN1"):
            create(postgresql.uri(name))
    finally:
        postgresql.run(f"DROP DATABASE {name}")


# Rights


@pytest.fixture
def user(postgresql):
    with postgresql.role() as name:
        yield name


def test_a_reader_needs_the_right_to_read_alone(postgresql, user, surveyed):
    with postgresql.database(surveyed) as database:
        place = postgresql.uri(database, user)
        with closing(open_(postgresql.uri(database), writeable=True)) as registry:
            raw = raw_type(registry)
            ids = insert_some(registry, raw, "run")
        with pytest.raises(AccessError, match="GRANT USAGE ON SCHEMA"):
            open_(place)
        postgresql.run(f"GRANT USAGE ON SCHEMA pantler TO {user}", database)
        with pytest.raises(AccessError, match="permission denied"):
            open_(place)
        postgresql.run(
            f"GRANT SELECT ON ALL TABLES IN SCHEMA pantler TO {user}", database
        )
        with closing(open_(place)) as registry:
            search = DatasetSearch(raw, ("run",))
            found = registry.query(Query(raw.dimensions, target=search))
            assert sorted(found["dataset_id"]) == sorted(ids)
            values = {"instrument": "Cam", "exposure": 1, "detector": 2}
            data_id = DataCoordinate.from_mapping(values, raw.dimensions)
            assert registry.datasets.find(raw, data_id, ["run"])
            assert registry.dimensions.expand(values, raw.dimensions) == data_id
            assert registry.collections.dataset_types("run") == ["raw"]
            with pytest.raises(ReadOnlyError, match="writeable=True"):
                registry.collections.register("x", CollectionType.RUN)
        with pytest.raises(AccessError, match="a role made for writers") as refused:
            open_(place, writeable=True)
        assert "GRANT" not in str(refused.value)  # of the administrator's own role


def test_a_writer_needs_rights_on_the_schema_alone(postgresql, user):
    with postgresql.database() as database:
        place = postgresql.uri(database, user)
        with pytest.raises(AccessError, match=r"'CREATE SCHEMA .* AUTHORIZATION"):
            create(place)
        postgresql.run(f"CREATE SCHEMA pantler AUTHORIZATION {user}", database)
        with pytest.raises(AccessError, match="'CREATE EXTENSION btree_gist'"):
            create(place)
        postgresql.run("CREATE EXTENSION btree_gist", database)
        create(place).close()
        with closing(open_(place, writeable=True)) as registry:
            assert registry.collections.register("run", CollectionType.RUN)


def test_the_roles_of_the_how_to_suffice(postgresql, empty_database):
    page = Path(__file__).parents[3] / "docs" / "how-to" / "use-postgresql.md"
    blocks = re.findall(r"```sql\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    text = "".join(blocks).replace("DATABASE survey SET", "DATABASE {0} SET")
    text = re.sub(r"CREATE DATABASE.*\n|\\c.*\n", "", text)
    for statement in text.format(empty_database).strip().split(";")[:-1]:
        postgresql.run(statement, empty_database)
    postgresql.run("CREATE ROLE carol LOGIN IN ROLE survey_writer", empty_database)
    postgresql.run(
        f"ALTER ROLE carol IN DATABASE {empty_database} SET role = survey_writer"
    )
    alice, bob, carol = (
        postgresql.uri(empty_database, user, schema="dr1")
        for user in ("alice", "bob", "carol")
    )
    try:
        create(alice).close()
        with closing(open_(alice, writeable=True)) as registry:
            fill_survey(registry)
            insert_some(registry, raw_type(registry), "run", [1])
        with closing(open_(carol, writeable=True)) as registry:
            ids = insert_some(registry, raw_type(registry), "run", [2])
        with closing(open_(bob)) as registry:
            assert registry.datasets.get(ids[0])
        with closing(PostgresqlRegistry.migration(bob, writeable=False)) as migration:
            assert not migration.titles
        with pytest.raises(AccessError):
            PostgresqlRegistry.migration(bob)
        with pytest.raises(AccessError) as refused:
            open_(bob, writeable=True)
        for advice in re.findall("'((?:GRANT|ALTER) [^']*)'", str(refused.value)):
            postgresql.run(advice.replace("…", "bob"), empty_database)
        with closing(open_(bob, writeable=True)) as registry:
            insert_some(registry, raw_type(registry), "run", [3])
    finally:
        postgresql.run("DROP OWNED BY survey_writer CASCADE", empty_database)
        for role in ("alice", "bob", "carol", "survey_writer", "survey_reader"):
            postgresql.run(f"DROP OWNED BY {role} CASCADE", empty_database)
            postgresql.run(f"DROP ROLE {role}")


def test_a_password_comes_from_a_file_or_the_environment(
    postgresql, surveyed, tmp_path, monkeypatch
):
    options = f"LOGIN SUPERUSER PASSWORD '{SECRET}' IN ROLE guarded"
    with postgresql.role(options) as user, postgresql.database(surveyed) as database:
        place = postgresql.uri(database, user)
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
        with pytest.raises(AccessError, match="PGPASSFILE"):
            open_(place)
        monkeypatch.setenv("PGPASSWORD", f"not {SECRET}")
        with pytest.raises(AccessError, match="authentication failed") as caught:
            open_(place)
        assert SECRET not in str(caught.value)
        monkeypatch.setenv("PGPASSWORD", SECRET)
        open_(place).close()
        monkeypatch.delenv("PGPASSWORD")
        secrets = tmp_path / "pgpass"
        secrets.write_text(f"127.0.0.1:{postgresql.port}:*:{user}:{SECRET}\n")
        secrets.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(secrets))
        open_(place).close()
        monkeypatch.delenv("PGPASSFILE")
        services = tmp_path / "services"
        services.write_text(
            f"[survey]\nhost=127.0.0.1\nport={postgresql.port}\ndbname={database}\n"
            f"user={user}\npassword={SECRET}\n"
        )
        monkeypatch.setenv("PGSERVICEFILE", str(services))
        open_("postgresql://?service=survey&schema=pantler").close()


def test_a_server_that_only_reads_says_so(postgresql, database):
    postgresql.run(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    place = postgresql.uri(database)
    with (
        closing(open_(place, writeable=True)) as registry,
        pytest.raises(ReadOnlyError, match="may only read"),
    ):
        registry.collections.register("run", CollectionType.RUN)
    with closing(open_(place)) as registry:
        table = registry.dimensions.find("instrument", {"instrument": "Cam"})
        assert table is not None
        group = registry.universe.group(["visit", "tract"])
        assert registry.query(Query(group)).height > 0  # which stages rows


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("53100", StorageError, "no space left"),
        ("53200", StorageError, "ran out of something"),
        ("57014", StorageError, "ended a statement early"),
        ("42501", AccessError, "lacks a right"),
    ],
)
def test_what_goes_wrong_on_the_server_is_translated(
    postgresql, database, code, kind, said
):
    postgresql.run(
        "CREATE FUNCTION pantler.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION 'as asked' USING ERRCODE = '{code}'; END $$",
        database,
    )
    postgresql.run(
        "CREATE TRIGGER fail BEFORE INSERT ON pantler.collection "
        "FOR EACH ROW EXECUTE FUNCTION pantler.fail()",
        database,
    )
    with closing(open_(postgresql.uri(database), writeable=True)) as registry:
        with pytest.raises(kind, match=said):
            registry.collections.register("run", CollectionType.RUN)
        assert registry.collections.all() == []
