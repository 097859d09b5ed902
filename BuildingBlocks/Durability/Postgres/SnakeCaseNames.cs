using System.Text.Json;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.Durability.Postgres;

/// <summary>One concept, one word, also in SQL: tables and columns are the snake_case of their CLR names.</summary>
public static class SnakeCaseNames
{
    /// <summary>Call last in <c>OnModelCreating</c>; explicitly named tables and columns keep their names.</summary>
    public static void UseSnakeCaseNames(this ModelBuilder model)
    {
        foreach (var entity in model.Model.GetEntityTypes())
        {
            entity.SetTableName(JsonNamingPolicy.SnakeCaseLower.ConvertName(entity.GetTableName()!));
            foreach (var property in entity.GetProperties().Where(
                property => property.GetColumnName() == property.Name))
                property.SetColumnName(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
            foreach (var key in entity.GetKeys())
                key.SetName(key.GetName()!.ToLowerInvariant());
            foreach (var key in entity.GetForeignKeys())
                key.SetConstraintName(key.GetConstraintName()!.ToLowerInvariant());
            foreach (var index in entity.GetIndexes())
                index.SetDatabaseName(index.GetDatabaseName()!.ToLowerInvariant());
        }
    }
}
