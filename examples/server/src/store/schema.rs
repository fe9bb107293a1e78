//! Migrations, module by module.

use anyhow::{Context as _, bail};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

/// The tables of one module, as steps from nothing to what it needs now.
///
/// A step that was released is never changed: what is to be different is a further step.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Name of the module, which stands in the table of versions.
    pub module: &'static str,
    /// SQL of each step, in order. The version of a module is the number of its steps that were taken.
    pub steps: &'static [&'static str],
}

/// Brings the database up to `schemas`, all of it or nothing.
pub(super) fn migrate(connection: &mut Connection, schemas: &[Schema]) -> anyhow::Result<()> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(super::error::opening)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_version (
            module TEXT PRIMARY KEY NOT NULL,
            version INTEGER NOT NULL
        ) STRICT",
    )?;
    refuse_unknown(&transaction, schemas)?;
    for schema in schemas {
        let version = version(&transaction, schema.module)?.unwrap_or(0);
        let known = schema.steps.len();
        if version > known {
            bail!(
                "it is from a newer version of streamcore: {} has version {version}, this program knows {known}",
                schema.module
            );
        }
        for (n, step) in schema.steps.iter().enumerate().skip(version) {
            let (module, to) = (schema.module, n + 1);
            transaction
                .execute_batch(step)
                .with_context(|| format!("cannot bring {module} to version {to}"))?;
            transaction.execute(
                "INSERT INTO schema_version (module, version) VALUES (?1, ?2)
                 ON CONFLICT (module) DO UPDATE SET version = excluded.version",
                (module, to as i64),
            )?;
        }
    }
    transaction.commit().map_err(super::error::opening)
}

fn version(connection: &Connection, module: &str) -> rusqlite::Result<Option<usize>> {
    connection
        .query_row("SELECT version FROM schema_version WHERE module = ?1", [module], |row| {
            row.get::<_, u32>(0)
        })
        .optional()
        .map(|version| version.map(|version| version as usize))
}

fn refuse_unknown(connection: &Connection, schemas: &[Schema]) -> anyhow::Result<()> {
    let mut modules = connection.prepare("SELECT module FROM schema_version")?;
    for module in modules.query_map([], |row| row.get::<_, String>(0))? {
        let module = module?;
        if !schemas.iter().any(|schema| schema.module == module) {
            bail!(
                "it is from a newer version of streamcore: this program does not know `{module}`"
            );
        }
    }
    Ok(())
}
