-- A project as Lianpian 0.1 wrote it before its tables had revisions, as SQL.
PRAGMA application_id=1196444487;
PRAGMA user_version=10300;
BEGIN TRANSACTION;
CREATE TABLE estates (
	fid INTEGER NOT NULL,
	uid TEXT NOT NULL,
	name TEXT,
	address TEXT,
	community TEXT,
	subdistrict TEXT,
	households INTEGER,
	people INTEGER,
	people_60plus INTEGER,
	children_0_2 INTEGER,
	children_3_5 INTEGER,
	buildings INTEGER,
	floor_area_m2 DOUBLE,
	land_area_m2 DOUBLE,
	built_year INTEGER,
	manager TEXT,
	cost_yuan DOUBLE,
	extra TEXT,
	rev INTEGER DEFAULT '1' NOT NULL,
	"geom" POLYGON,
	PRIMARY KEY (fid),
	UNIQUE (uid)
);
INSERT INTO "estates" VALUES(1,'estates-0','甲',NULL,NULL,NULL,NULL,12.5,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"自有": "a"}',1,X'47500003C31100000000000080841E4100000000A0841E4100000000006A484100000000046A48410103000000010000000500000000000000A0841E4100000000006A484100000000A0841E4100000000046A48410000000080841E4100000000046A48410000000080841E4100000000006A484100000000A0841E4100000000006A4841');
INSERT INTO "estates" VALUES(2,'estates-1','',NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',1,X'47500003C311000000000000A8841E4100000000C8841E4100000000006A484100000000046A48410103000000010000000500000000000000C8841E4100000000006A484100000000C8841E4100000000046A484100000000A8841E4100000000046A484100000000A8841E4100000000006A484100000000C8841E4100000000006A4841');
INSERT INTO "estates" VALUES(3,'estates-2',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"自有": "b"}',1,X'47500003C311000000000000D0841E4100000000F0841E4100000000006A484100000000046A48410103000000010000000500000000000000F0841E4100000000006A484100000000F0841E4100000000046A484100000000D0841E4100000000046A484100000000D0841E4100000000006A484100000000F0841E4100000000006A4841');
CREATE TABLE extra_columns (
	id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	type TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (kind, name)
);
INSERT INTO "extra_columns" VALUES(1,'estates','自有','text');
CREATE TABLE gpkg_contents (
    table_name TEXT NOT NULL PRIMARY KEY,
    data_type TEXT NOT NULL,
    identifier TEXT UNIQUE,
    description TEXT DEFAULT '',
    last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    min_x DOUBLE,
    min_y DOUBLE,
    max_x DOUBLE,
    max_y DOUBLE,
    srs_id INTEGER,
    CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id)
);
INSERT INTO "gpkg_contents" VALUES('project','attributes','project','项目信息 / What this project is','2026-11-01T08:00:00.000Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "gpkg_contents" VALUES('extra_columns','attributes','extra_columns','自有字段 / Columns of the user''s own, kept in `extra`','2026-11-01T08:00:00.000Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "gpkg_contents" VALUES('imports','attributes','imports','导入记录 / What was imported, when, with its report','2026-11-01T08:00:00.000Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "gpkg_contents" VALUES('refused_rows','attributes','refused_rows','未导入的行 / Rows that were refused on import, and why','2026-11-01T08:00:00.000Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "gpkg_contents" VALUES('statements','attributes','statements','声明 / Categories of which someone stated that there is none','2026-11-01T08:00:00.000Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "gpkg_contents" VALUES('plans','attributes','plans','片区方案 / Districting plans, with their settings','2026-11-01T08:00:00.000Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "gpkg_contents" VALUES('plan_members','attributes','plan_members','片区方案成员 / Which estate is in which district of a plan','2026-11-01T08:00:00.000Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "gpkg_contents" VALUES('plan_packages','attributes','plan_packages','工程包 / Which district or estate of a plan is in which work package','2026-11-01T08:00:00.000Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "gpkg_contents" VALUES('scenarios','attributes','scenarios','情景 / Edits tried on top of the base, and what they would change','2026-11-01T08:00:00.000Z',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "gpkg_contents" VALUES('estates','features','estates','小区 / Estates: a residential compound, usually walled, entered through gates','2026-11-01T08:00:00.000Z',500000.0,3200000.0,500028.0,3200008.0,4547);
INSERT INTO "gpkg_contents" VALUES('streets','features','streets','道路 / Streets: a street, path or stair one can walk along','2026-11-01T08:00:00.000Z',500000.0,3200000.0,500030.0,3200005.0,4547);
CREATE TABLE gpkg_data_column_constraints (
    constraint_name TEXT NOT NULL,
    constraint_type TEXT NOT NULL,
    value TEXT,
    min NUMERIC,
    min_is_inclusive BOOLEAN,
    max NUMERIC,
    max_is_inclusive BOOLEAN,
    description TEXT,
    CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value)
);
CREATE TABLE gpkg_data_columns (
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    name TEXT,
    title TEXT,
    description TEXT,
    mime_type TEXT,
    constraint_name TEXT,
    CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
    CONSTRAINT gdc_tn UNIQUE (table_name, name)
);
INSERT INTO "gpkg_data_columns" VALUES('estates','uid','编号','编号','ID; stable key, unique in its layer; given on import when the file has none',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','name','小区名称','小区名称','Name',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','address','地址','地址','Address',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','community','社区','社区','Community',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','subdistrict','街道','街道','Subdistrict',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','households','户数','户数','Households; households',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','people','人口','人口','People; people',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','people_60plus','60岁以上人口','60岁以上人口','People 60+; people',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','children_0_2','0-2岁儿童','0-2岁儿童','Children 0-2; people',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','children_3_5','3-5岁儿童','3-5岁儿童','Children 3-5; people',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','buildings','楼栋数','楼栋数','Buildings; buildings',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','floor_area_m2','建筑面积','建筑面积','Floor area; m2',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','land_area_m2','用地面积','用地面积','Land area; m2',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','built_year','建成年份','建成年份','Built; year',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','manager','物业单位','物业单位','Manager',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('estates','cost_yuan','估算投资','估算投资','Estimated cost; yuan',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','uid','编号','编号','ID; stable key, unique in its layer; given on import when the file has none',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','name','名称','名称','Name',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','highway','道路等级','道路等级','Class; OSM highway value; which ones are walkable is data/walkable.toml',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','walkable','可步行','可步行','Walkable; overrides the class where given',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','width_m','宽度','宽度','Width; m',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','bridge','桥','桥','Bridge',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','tunnel','隧道','隧道','Tunnel',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','risers','踏步数','踏步数','Risers; steps; steps of a stair; empty: unknown',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','delay_s','等候时间','等候时间','Delay; s; waited on the way along, for a signal or a lift; empty: by data/effort.toml',NULL,NULL);
INSERT INTO "gpkg_data_columns" VALUES('streets','signal','信号灯','信号灯','Signal; a crossing with lights',NULL,NULL);
CREATE TABLE gpkg_extensions (
    table_name TEXT,
    column_name TEXT,
    extension_name TEXT NOT NULL,
    definition TEXT NOT NULL,
    scope TEXT NOT NULL,
    CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name)
);
INSERT INTO "gpkg_extensions" VALUES('gpkg_data_columns',NULL,'gpkg_schema','http://www.geopackage.org/spec121/#extension_schema','read-write');
INSERT INTO "gpkg_extensions" VALUES('gpkg_data_column_constraints',NULL,'gpkg_schema','http://www.geopackage.org/spec121/#extension_schema','read-write');
INSERT INTO "gpkg_extensions" VALUES('estates','geom','gpkg_rtree_index','http://www.geopackage.org/spec120/#extension_rtree','write-only');
INSERT INTO "gpkg_extensions" VALUES('streets','geom','gpkg_rtree_index','http://www.geopackage.org/spec120/#extension_rtree','write-only');
CREATE TABLE gpkg_geometry_columns (
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL,
    z TINYINT NOT NULL,
    m TINYINT NOT NULL,
    CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
    CONSTRAINT uk_gc_table_name UNIQUE (table_name),
    CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
    CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id)
);
INSERT INTO "gpkg_geometry_columns" VALUES('estates','geom','POLYGON',4547,0,0);
INSERT INTO "gpkg_geometry_columns" VALUES('streets','geom','LINESTRING',4547,2,0);
CREATE TABLE gpkg_spatial_ref_sys (
    srs_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL,
    definition TEXT NOT NULL,
    description TEXT
);
INSERT INTO "gpkg_spatial_ref_sys" VALUES('Undefined cartesian SRS',-1,'NONE',-1,'undefined',NULL);
INSERT INTO "gpkg_spatial_ref_sys" VALUES('Undefined geographic SRS',0,'NONE',0,'undefined',NULL);
INSERT INTO "gpkg_spatial_ref_sys" VALUES('WGS 84',4326,'EPSG',4326,'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]',NULL);
INSERT INTO "gpkg_spatial_ref_sys" VALUES('CGCS2000 / 3-degree Gauss-Kruger CM 114E',4547,'EPSG',4547,'PROJCS["CGCS2000 / 3-degree Gauss-Kruger CM 114E",GEOGCS["China Geodetic Coordinate System 2000",DATUM["China_2000",SPHEROID["CGCS2000",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4490"]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",114],PARAMETER["scale_factor",1],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1],AUTHORITY["EPSG","4547"]]',NULL);
CREATE TABLE imports (
	id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	file TEXT NOT NULL,
	at DATETIME NOT NULL,
	current BOOLEAN NOT NULL,
	report TEXT NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "imports" VALUES(1,'estates','一.shp','2026-11-01T08:00:00.000Z',1,'{"kind": "estates", "file": "一.shp", "read": 3, "accepted": 2, "repaired": [], "refused": [{"row": 3, "reason": "no geometry"}], "crs": "EPSG:4547", "coords": "cgcs2000", "encoding": null, "findings": []}');
CREATE TABLE plan_members (
	id INTEGER NOT NULL,
	plan_id INTEGER NOT NULL,
	place INTEGER NOT NULL,
	estate TEXT NOT NULL,
	district TEXT,
	PRIMARY KEY (id),
	FOREIGN KEY(plan_id) REFERENCES plans (id) ON DELETE CASCADE
);
INSERT INTO "plan_members" VALUES(1,1,0,'c','D1');
INSERT INTO "plan_members" VALUES(2,1,1,'a','D1');
INSERT INTO "plan_members" VALUES(3,1,2,'b',NULL);
CREATE TABLE plan_packages (
	id INTEGER NOT NULL,
	plan_id INTEGER NOT NULL,
	place INTEGER NOT NULL,
	package TEXT NOT NULL,
	builder TEXT,
	district TEXT,
	estate TEXT,
	PRIMARY KEY (id),
	FOREIGN KEY(plan_id) REFERENCES plans (id) ON DELETE CASCADE
);
CREATE TABLE plans (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	version INTEGER NOT NULL,
	created DATETIME NOT NULL,
	status TEXT NOT NULL,
	objective DOUBLE,
	bound DOUBLE,
	gap DOUBLE,
	reason TEXT NOT NULL,
	settings TEXT NOT NULL,
	left_out TEXT NOT NULL,
	adjacency TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name, version)
);
INSERT INTO "plans" VALUES(1,'方案一',1,'2026-11-01T08:00:00.000Z','optimal',1.0,1.0,0.0,'proved by hand','{"sizes": {"people": [5000, 12000]}, "seed": 0, "where": null, "history": [{"what": "made", "when": "2026-11-01T08:00:00.000Z", "who": null, "note": "", "plan": "方案一", "version": 1}]}','[{"estate": "b", "reason": "fewer than 5000 people in reach", "proved": true, "remedy": ""}]','{"kind": "walk", "links": [["c", "a", 12.5, "12 m on foot", "walk", null, null, null, ""], ["b", "a", null, "touch", "walk", null, null, null, ""]], "beyond": [["c", "b", 900.0, "", "", ""]]}');
CREATE TABLE project (
	id INTEGER NOT NULL CHECK (id = 1),
	name TEXT NOT NULL,
	profile TEXT,
	created DATETIME NOT NULL,
	format_version INTEGER NOT NULL,
	crs TEXT,
	PRIMARY KEY (id)
);
INSERT INTO "project" VALUES(1,'旧城','liaoning','2026-11-01T08:00:00.000Z',1,'EPSG:4547');
CREATE TABLE refused_rows (
	id INTEGER NOT NULL,
	import_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	file TEXT NOT NULL,
	"row" INTEGER NOT NULL,
	reason TEXT NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(import_id) REFERENCES imports (id) ON DELETE CASCADE
);
INSERT INTO "refused_rows" VALUES(1,1,'estates','一.shp',3,'no geometry');
CREATE VIRTUAL TABLE "rtree_estates_geom" USING rtree(id, minx, maxx, miny, maxy);
INSERT INTO "rtree_estates_geom" VALUES(1,500000.0,500008.0,3200000.0,3200008.0);
INSERT INTO "rtree_estates_geom" VALUES(2,500010.0,500018.0,3200000.0,3200008.0);
INSERT INTO "rtree_estates_geom" VALUES(3,500020.0,500028.0,3200000.0,3200008.0);
CREATE VIRTUAL TABLE "rtree_streets_geom" USING rtree(id, minx, maxx, miny, maxy);
INSERT INTO "rtree_streets_geom" VALUES(1,500000.0,500030.0,3200000.0,3200000.0);
INSERT INTO "rtree_streets_geom" VALUES(2,500000.0,500030.0,3200005.0,3200005.0);
CREATE TABLE scenarios (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	version INTEGER NOT NULL,
	created DATETIME NOT NULL,
	edits TEXT NOT NULL,
	answer TEXT NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (name, version)
);
INSERT INTO "scenarios" VALUES(1,'一',1,'2026-11-01T08:00:00.000Z','[{"edit": "open"}]','{"gain": 1}');
CREATE TABLE statements (
	id INTEGER NOT NULL,
	none_of TEXT NOT NULL,
	at DATETIME NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (none_of)
);
INSERT INTO "statements" VALUES(1,'canteen','2026-11-01T08:00:00.000Z');
CREATE TABLE streets (
	fid INTEGER NOT NULL,
	uid TEXT NOT NULL,
	name TEXT,
	highway TEXT,
	walkable BOOLEAN,
	width_m DOUBLE,
	bridge BOOLEAN,
	tunnel BOOLEAN,
	risers INTEGER,
	delay_s DOUBLE,
	signal BOOLEAN,
	extra TEXT,
	rev INTEGER DEFAULT '1' NOT NULL,
	"geom" LINESTRING,
	PRIMARY KEY (fid),
	UNIQUE (uid)
);
INSERT INTO "streets" VALUES(1,'streets-0',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,X'47500003C31100000000000080841E4100000000F8841E4100000000006A484100000000006A484101EA030000020000000000000080841E4100000000006A48410000000000A8794000000000F8841E4100000000006A48410000000000C47940');
INSERT INTO "streets" VALUES(2,'streets-1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,X'47500003C31100000000000080841E4100000000F8841E4100000080026A484100000080026A48410102000000020000000000000080841E4100000080026A484100000000F8841E4100000080026A4841');
CREATE INDEX ix_plan_members_plan_id ON plan_members (plan_id);
CREATE INDEX ix_plan_packages_plan_id ON plan_packages (plan_id);
CREATE TRIGGER "rtree_estates_geom_insert" AFTER INSERT ON "estates" WHEN (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom")) BEGIN INSERT OR REPLACE INTO "rtree_estates_geom" VALUES (NEW.fid, ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END;
CREATE TRIGGER "rtree_estates_geom_update1" AFTER UPDATE OF "geom" ON "estates" WHEN OLD.fid = NEW.fid AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom")) BEGIN INSERT OR REPLACE INTO "rtree_estates_geom" VALUES (NEW.fid, ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END;
CREATE TRIGGER "rtree_estates_geom_update2" AFTER UPDATE OF "geom" ON "estates" WHEN OLD.fid = NEW.fid AND (NEW."geom" ISNULL OR ST_IsEmpty(NEW."geom")) BEGIN DELETE FROM "rtree_estates_geom" WHERE id = OLD.fid; END;
CREATE TRIGGER "rtree_estates_geom_update3" AFTER UPDATE ON "estates" WHEN OLD.fid != NEW.fid AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom")) BEGIN DELETE FROM "rtree_estates_geom" WHERE id = OLD.fid; INSERT OR REPLACE INTO "rtree_estates_geom" VALUES (NEW.fid, ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END;
CREATE TRIGGER "rtree_estates_geom_update4" AFTER UPDATE ON "estates" WHEN OLD.fid != NEW.fid AND (NEW."geom" ISNULL OR ST_IsEmpty(NEW."geom")) BEGIN DELETE FROM "rtree_estates_geom" WHERE id IN (OLD.fid, NEW.fid); END;
CREATE TRIGGER "rtree_estates_geom_delete" AFTER DELETE ON "estates" WHEN OLD."geom" NOTNULL BEGIN DELETE FROM "rtree_estates_geom" WHERE id = OLD.fid; END;
CREATE TRIGGER "rtree_streets_geom_insert" AFTER INSERT ON "streets" WHEN (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom")) BEGIN INSERT OR REPLACE INTO "rtree_streets_geom" VALUES (NEW.fid, ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END;
CREATE TRIGGER "rtree_streets_geom_update1" AFTER UPDATE OF "geom" ON "streets" WHEN OLD.fid = NEW.fid AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom")) BEGIN INSERT OR REPLACE INTO "rtree_streets_geom" VALUES (NEW.fid, ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END;
CREATE TRIGGER "rtree_streets_geom_update2" AFTER UPDATE OF "geom" ON "streets" WHEN OLD.fid = NEW.fid AND (NEW."geom" ISNULL OR ST_IsEmpty(NEW."geom")) BEGIN DELETE FROM "rtree_streets_geom" WHERE id = OLD.fid; END;
CREATE TRIGGER "rtree_streets_geom_update3" AFTER UPDATE ON "streets" WHEN OLD.fid != NEW.fid AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom")) BEGIN DELETE FROM "rtree_streets_geom" WHERE id = OLD.fid; INSERT OR REPLACE INTO "rtree_streets_geom" VALUES (NEW.fid, ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END;
CREATE TRIGGER "rtree_streets_geom_update4" AFTER UPDATE ON "streets" WHEN OLD.fid != NEW.fid AND (NEW."geom" ISNULL OR ST_IsEmpty(NEW."geom")) BEGIN DELETE FROM "rtree_streets_geom" WHERE id IN (OLD.fid, NEW.fid); END;
CREATE TRIGGER "rtree_streets_geom_delete" AFTER DELETE ON "streets" WHEN OLD."geom" NOTNULL BEGIN DELETE FROM "rtree_streets_geom" WHERE id = OLD.fid; END;
COMMIT;
