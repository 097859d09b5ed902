-- Made by `lyceum generate`. For psql 15 or newer, as the administrator, with secrets/postgres.env in the environment; may be run again.
\set ON_ERROR_STOP on

\getenv password GATEWAYDB_PASSWORD
SELECT 'CREATE ROLE gatewaydb' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gatewaydb') \gexec
ALTER ROLE gatewaydb LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
SELECT 'CREATE DATABASE gatewaydb OWNER gatewaydb TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'gatewaydb') \gexec
ALTER DATABASE gatewaydb OWNER TO gatewaydb;
REVOKE ALL ON DATABASE gatewaydb FROM PUBLIC;
\unset password

\getenv password CHATDB_PASSWORD
SELECT 'CREATE ROLE chatdb' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chatdb') \gexec
ALTER ROLE chatdb LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
SELECT 'CREATE DATABASE chatdb OWNER chatdb TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'chatdb') \gexec
ALTER DATABASE chatdb OWNER TO chatdb;
REVOKE ALL ON DATABASE chatdb FROM PUBLIC;
\unset password

\getenv password SESSIONDB_PASSWORD
SELECT 'CREATE ROLE sessiondb' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sessiondb') \gexec
ALTER ROLE sessiondb LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
SELECT 'CREATE DATABASE sessiondb OWNER sessiondb TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'sessiondb') \gexec
ALTER DATABASE sessiondb OWNER TO sessiondb;
REVOKE ALL ON DATABASE sessiondb FROM PUBLIC;
\unset password

\getenv password ROADMAPDB_PASSWORD
SELECT 'CREATE ROLE roadmapdb' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'roadmapdb') \gexec
ALTER ROLE roadmapdb LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
SELECT 'CREATE DATABASE roadmapdb OWNER roadmapdb TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'roadmapdb') \gexec
ALTER DATABASE roadmapdb OWNER TO roadmapdb;
REVOKE ALL ON DATABASE roadmapdb FROM PUBLIC;
\unset password
