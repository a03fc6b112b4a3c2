BEGIN TRANSACTION;
CREATE TABLE attribute (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "attribute" VALUES('schema_version','2');
INSERT INTO "attribute" VALUES('id','b844ec9a-cc33-48a0-8cac-97594cc5703f');
INSERT INTO "attribute" VALUES('universe','namespace: pantler
version: 1
skypix:
  common: htm7
  systems:
    htm:
      max_level: 24
    healpix:
      max_level: 17
topology:
  spatial:
    observation_regions:
    - visit_detector_region
    - visit
    skymap_regions:
    - patch
    - tract
  temporal:
    observation_timespans:
    - exposure
    - visit
    - day_obs
elements:
  instrument:
    doc: A camera or other instrument.
    keys:
    - name: name
      type: string
      length: 32
      doc: Its short name.
    metadata:
    - name: visit_max
      type: int
      doc: Largest visit ID.
    - name: visit_system
      type: int
      doc: The way in which exposures make visits by default.
    - name: exposure_max
      type: int
      doc: Largest exposure ID.
    - name: detector_max
      type: int
      doc: Largest detector ID plus one.
    - name: class_name
      type: string
      length: 64
      doc: Name of the instrument plugin.
    governor: true
  skymap:
    doc: A division of the sky into tracts, and of those into patches.
    keys:
    - name: name
      type: string
      length: 64
      doc: Its short name.
    metadata:
    - name: hash
      type: hash
      length: 40
      nullable: false
      doc: Hash of its parameters.
    - name: tract_max
      type: int
      doc: Number of tracts.
    - name: patch_nx_max
      type: int
      doc: Most patches of a tract along x.
    - name: patch_ny_max
      type: int
      doc: Most patches of a tract along y.
    governor: true
  band:
    doc: A waveband that filters of different instruments share.
    keys:
    - name: name
      type: string
      length: 32
      doc: Its name.
    view_of: physical_filter
  physical_filter:
    doc: A filter as one instrument has it.
    keys:
    - name: name
      type: string
      length: 32
      doc: Its name.
    requires:
    - instrument
    implies:
    - band
  subfilter:
    doc: A division of a band, as chromatic coaddition makes it.
    keys:
    - name: id
      type: int
      doc: Its number within the band.
    requires:
    - band
  day_obs:
    doc: A day of observing, from noon to noon as the observatory counts it.
    keys:
    - name: id
      type: int
      doc: YYYYMMDD.
    requires:
    - instrument
  group:
    doc: Exposures that were taken to be used together.
    keys:
    - name: name
      type: string
      length: 64
      doc: Its name.
    requires:
    - instrument
  detector:
    doc: A part of the camera that is read out as one image.
    keys:
    - name: id
      type: int
      doc: Its number.
    - name: full_name
      type: string
      length: 32
      doc: Its full name.
    requires:
    - instrument
    metadata:
    - name: name_in_raft
      type: string
      length: 32
      doc: Its name within the raft.
    - name: raft
      type: string
      length: 32
      doc: The group of detectors that it is mounted in.
    - name: purpose
      type: string
      length: 32
      doc: SCIENCE, WAVEFRONT, GUIDER, FOCUS.
  visit:
    doc: Observations of one pointing that are processed together.
    keys:
    - name: id
      type: int
      doc: Its number.
    - name: name
      type: string
      length: 64
      doc: Its name.
    requires:
    - instrument
    implies:
    - physical_filter
    - day_obs
    metadata:
    - name: seq_num
      type: int
      doc: Its place in the day''s sequence.
    - name: exposure_time
      type: float
      doc: Sum of the exposure times, seconds.
    - name: target_name
      type: string
      length: 64
      doc: What was looked at.
    - name: observation_reason
      type: string
      length: 68
      doc: Why.
    - name: science_program
      type: string
      length: 64
      doc: The observing programme.
    - name: azimuth
      type: float
      doc: Mean azimuth, degrees.
    - name: zenith_angle
      type: float
      doc: Mean zenith angle, degrees.
  exposure:
    doc: One opening of the shutter, on all detectors.
    keys:
    - name: id
      type: int
      doc: Its number.
    - name: obs_id
      type: string
      length: 64
      doc: The observatory''s name for it.
    requires:
    - instrument
    implies:
    - physical_filter
    - group
    - day_obs
    metadata:
    - name: exposure_time
      type: float
      doc: Exposure time, seconds.
    - name: dark_time
      type: float
      doc: Time from clear to read-out, seconds.
    - name: observation_type
      type: string
      length: 32
      doc: science, bias, dark, flat, ...
    - name: observation_reason
      type: string
      length: 68
      doc: Why it was taken.
    - name: seq_num
      type: int
      doc: Its place in the day''s sequence.
    - name: seq_start
      type: int
      doc: First of the sequence that it belongs to.
    - name: seq_end
      type: int
      doc: Last of the sequence that it belongs to.
    - name: target_name
      type: string
      length: 64
      doc: What was looked at.
    - name: science_program
      type: string
      length: 64
      doc: The observing programme.
    - name: tracking_ra
      type: float
      doc: ICRS right ascension of the pointing, degrees.
    - name: tracking_dec
      type: float
      doc: ICRS declination of the pointing, degrees.
    - name: sky_angle
      type: float
      doc: Angle of the camera on the sky, degrees.
    - name: azimuth
      type: float
      doc: Azimuth, degrees.
    - name: zenith_angle
      type: float
      doc: Zenith angle, degrees.
    - name: has_simulated
      type: bool
      doc: Whether anything in it is simulated.
    - name: can_see_sky
      type: bool
      doc: Whether light of the sky reached the detectors.
  visit_system:
    doc: A way in which exposures make up visits.
    keys:
    - name: id
      type: int
      doc: Its number.
    - name: name
      type: string
      length: 32
      doc: Its name.
    requires:
    - instrument
  tract:
    doc: A large area of the sky with one projection.
    keys:
    - name: id
      type: int
      doc: Its number.
    requires:
    - skymap
  patch:
    doc: A rectangle of a tract.
    keys:
    - name: id
      type: int
      doc: Its number within the tract.
    requires:
    - tract
    metadata:
    - name: cell_x
      type: int
      nullable: false
      doc: Its column in the tract.
    - name: cell_y
      type: int
      nullable: false
      doc: Its row in the tract.
  ssp_hypothesis_table:
    doc: A table of hypotheses of solar system objects.
    keys:
    - name: name
      type: string
      length: 64
      doc: Its name.
  ssp_hypothesis_bundle:
    doc: A bundle of hypotheses of one table.
    keys:
    - name: id
      type: int
      doc: Its number.
    requires:
    - ssp_hypothesis_table
  ssp_balanced_index:
    doc: An index that divides solar system work evenly.
    keys:
    - name: id
      type: int
      doc: Its number.
  visit_detector_region:
    doc: The region that a detector saw in a visit.
    requires:
    - visit
    - detector
    populated_by: visit
  visit_definition:
    doc: Which exposures make up a visit.
    requires:
    - exposure
    - visit
    always_join: true
    populated_by: visit
  visit_system_membership:
    doc: Which visits belong to a visit system.
    requires:
    - visit
    - visit_system
    always_join: true
    populated_by: visit
');
INSERT INTO "attribute" VALUES('record_tables','["file"]');
CREATE TABLE band (
	band VARCHAR(32) NOT NULL, 
	PRIMARY KEY (band)
)
 WITHOUT ROWID

;
INSERT INTO "band" VALUES('g');
INSERT INTO "band" VALUES('r');
CREATE TABLE calibration (
	collection_id INTEGER NOT NULL, 
	dataset_type_id INTEGER NOT NULL, 
	data_id INTEGER NOT NULL, 
	begin_ns BIGINT NOT NULL, 
	end_ns BIGINT NOT NULL, 
	uuid BLOB NOT NULL, 
	PRIMARY KEY (collection_id, dataset_type_id, data_id, begin_ns), 
	FOREIGN KEY(collection_id) REFERENCES collection (id), 
	FOREIGN KEY(dataset_type_id) REFERENCES dataset_type (id)
)
 WITHOUT ROWID

;
INSERT INTO "calibration" VALUES(3,2,1,-9223372036854775808,9223372036854775807,X'01A20E10052A70008000EACFB9E64E8E');
INSERT INTO "calibration" VALUES(3,2,2,-9223372036854775808,9223372036854775807,X'01A20E1005CB700080001D3B76A6B9BB');
INSERT INTO "calibration" VALUES(3,2,3,-9223372036854775808,9223372036854775807,X'01A20E100624700080001F8D5BD7AE7D');
INSERT INTO "calibration" VALUES(3,2,4,-9223372036854775808,9223372036854775807,X'01A20E10066D70008000C017F8485BC1');
CREATE TABLE catalog_change (
	revision INTEGER NOT NULL, 
	subject VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	type_id INTEGER NOT NULL, 
	PRIMARY KEY (revision)
);
INSERT INTO "catalog_change" VALUES(1,'collection',0,0);
INSERT INTO "catalog_change" VALUES(2,'record_table',0,0);
INSERT INTO "catalog_change" VALUES(3,'governor',0,0);
INSERT INTO "catalog_change" VALUES(4,'governor',0,0);
INSERT INTO "catalog_change" VALUES(5,'type',1,0);
INSERT INTO "catalog_change" VALUES(6,'type',2,0);
INSERT INTO "catalog_change" VALUES(7,'collection',1,0);
INSERT INTO "catalog_change" VALUES(8,'holder',1,2);
INSERT INTO "catalog_change" VALUES(9,'collection',2,0);
INSERT INTO "catalog_change" VALUES(10,'holder',2,1);
INSERT INTO "catalog_change" VALUES(11,'collection',3,0);
INSERT INTO "catalog_change" VALUES(12,'holder',3,2);
INSERT INTO "catalog_change" VALUES(13,'collection',4,0);
INSERT INTO "catalog_change" VALUES(14,'holder',4,1);
INSERT INTO "catalog_change" VALUES(15,'collection',5,0);
INSERT INTO "catalog_change" VALUES(16,'collection',5,0);
CREATE TABLE collection (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	type SMALLINT NOT NULL, 
	doc VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "collection" VALUES(1,'Cam/biases',1,'');
INSERT INTO "collection" VALUES(2,'Cam/raw',1,'');
INSERT INTO "collection" VALUES(3,'Cam/calib',4,'');
INSERT INTO "collection" VALUES(4,'best',2,'It''s the best');
INSERT INTO "collection" VALUES(5,'all',3,'');
CREATE TABLE collection_chain (
	parent INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	child INTEGER NOT NULL, 
	PRIMARY KEY (parent, position), 
	FOREIGN KEY(parent) REFERENCES collection (id), 
	FOREIGN KEY(child) REFERENCES collection (id)
)
 WITHOUT ROWID

;
INSERT INTO "collection_chain" VALUES(5,0,4);
INSERT INTO "collection_chain" VALUES(5,1,2);
INSERT INTO "collection_chain" VALUES(5,2,1);
CREATE TABLE collection_type (
	collection_id INTEGER NOT NULL, 
	dataset_type_id INTEGER NOT NULL, 
	PRIMARY KEY (dataset_type_id, collection_id), 
	FOREIGN KEY(collection_id) REFERENCES collection (id), 
	FOREIGN KEY(dataset_type_id) REFERENCES dataset_type (id)
)
 WITHOUT ROWID

;
INSERT INTO "collection_type" VALUES(2,1);
INSERT INTO "collection_type" VALUES(4,1);
INSERT INTO "collection_type" VALUES(1,2);
INSERT INTO "collection_type" VALUES(3,2);
CREATE TABLE data_id_1 (
	id INTEGER NOT NULL, 
	instrument VARCHAR(32) NOT NULL, 
	detector BIGINT NOT NULL, 
	exposure BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (exposure, detector, instrument), 
	FOREIGN KEY(instrument, detector) REFERENCES detector (instrument, detector), 
	FOREIGN KEY(instrument, exposure) REFERENCES exposure (instrument, exposure)
);
INSERT INTO "data_id_1" VALUES(1,'Cam',0,1);
INSERT INTO "data_id_1" VALUES(2,'Cam',0,2);
INSERT INTO "data_id_1" VALUES(3,'Cam',0,3);
INSERT INTO "data_id_1" VALUES(4,'Cam',1,1);
INSERT INTO "data_id_1" VALUES(5,'Cam',1,2);
INSERT INTO "data_id_1" VALUES(6,'Cam',1,3);
INSERT INTO "data_id_1" VALUES(7,'Cam',2,1);
INSERT INTO "data_id_1" VALUES(8,'Cam',2,2);
INSERT INTO "data_id_1" VALUES(9,'Cam',2,3);
INSERT INTO "data_id_1" VALUES(10,'Cam',3,1);
INSERT INTO "data_id_1" VALUES(11,'Cam',3,2);
INSERT INTO "data_id_1" VALUES(12,'Cam',3,3);
CREATE TABLE data_id_2 (
	id INTEGER NOT NULL, 
	instrument VARCHAR(32) NOT NULL, 
	detector BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (detector, instrument), 
	FOREIGN KEY(instrument, detector) REFERENCES detector (instrument, detector)
);
INSERT INTO "data_id_2" VALUES(1,'Cam',0);
INSERT INTO "data_id_2" VALUES(2,'Cam',1);
INSERT INTO "data_id_2" VALUES(3,'Cam',2);
INSERT INTO "data_id_2" VALUES(4,'Cam',3);
CREATE TABLE dataset (
	run_id INTEGER NOT NULL, 
	dataset_type_id INTEGER NOT NULL, 
	data_id INTEGER NOT NULL, 
	uuid BLOB NOT NULL, 
	ingest_time BIGINT NOT NULL, 
	PRIMARY KEY (run_id, dataset_type_id, data_id), 
	FOREIGN KEY(run_id) REFERENCES collection (id), 
	FOREIGN KEY(dataset_type_id) REFERENCES dataset_type (id), 
	UNIQUE (uuid)
)
 WITHOUT ROWID

;
INSERT INTO "dataset" VALUES(1,2,1,X'01A20E10052A70008000EACFB9E64E8E',1795532297707647496);
INSERT INTO "dataset" VALUES(1,2,2,X'01A20E1005CB700080001D3B76A6B9BB',1795532297817349590);
INSERT INTO "dataset" VALUES(1,2,3,X'01A20E100624700080001F8D5BD7AE7D',1795532297905249584);
INSERT INTO "dataset" VALUES(1,2,4,X'01A20E10066D70008000C017F8485BC1',1795532297980989454);
INSERT INTO "dataset" VALUES(2,1,1,X'01A20E10057670008000D2C1B1E29729',1795532297767138522);
INSERT INTO "dataset" VALUES(2,1,2,X'01A20E1005AE700080006E8620A462FF',1795532297789174839);
INSERT INTO "dataset" VALUES(2,1,3,X'01A20E1005B970008000BB69FDB64020',1795532297802203733);
INSERT INTO "dataset" VALUES(2,1,4,X'01A20E1005D8700080002ED3F503D2A7',1795532297857294065);
INSERT INTO "dataset" VALUES(2,1,5,X'01A20E1005FD70008000B06EB5022D6D',1795532297877261320);
INSERT INTO "dataset" VALUES(2,1,6,X'01A20E10061470008000A8BCDB4BBE19',1795532297893211521);
INSERT INTO "dataset" VALUES(2,1,7,X'01A20E10063070008000A2318189D098',1795532297945169413);
INSERT INTO "dataset" VALUES(2,1,8,X'01A20E10065470008000BB18FAE95709',1795532297952892159);
INSERT INTO "dataset" VALUES(2,1,9,X'01A20E100661700080005FBAB17294E1',1795532297964844204);
INSERT INTO "dataset" VALUES(2,1,10,X'01A20E10067C700080008E5A1018A8A9',1795532298011919696);
INSERT INTO "dataset" VALUES(2,1,11,X'01A20E100695700080001A64DDD2E6F9',1795532298022287940);
INSERT INTO "dataset" VALUES(2,1,12,X'01A20E10069F700080008CB76377D7CD',1795532298033123908);
CREATE TABLE dataset_type (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	group_id INTEGER NOT NULL, 
	storage_class VARCHAR NOT NULL, 
	is_calibration BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	FOREIGN KEY(group_id) REFERENCES dimension_group (id)
);
INSERT INTO "dataset_type" VALUES(1,'raw',1,'StructuredDict',0);
INSERT INTO "dataset_type" VALUES(2,'bias',2,'StructuredDict',1);
CREATE TABLE datastore_file (
	dataset_id BLOB NOT NULL, 
	store VARCHAR NOT NULL, 
	component VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	"offset" BIGINT, 
	size_bytes BIGINT NOT NULL, 
	checksum VARCHAR, 
	formatter VARCHAR NOT NULL, 
	storage_class VARCHAR NOT NULL, 
	PRIMARY KEY (dataset_id, store, component), 
	FOREIGN KEY(dataset_id) REFERENCES dataset (uuid)
)
 WITHOUT ROWID

;
INSERT INTO "datastore_file" VALUES(X'01A20E10052A70008000EACFB9E64E8E','file','','Cam/biases/bias/Cam/bias_Cam_0_01a20e10-052a-7000-8000-eacfb9e64e8e.json',NULL,11,'blake2b:f8a0f6413761b0779b50b151c4c32ce2','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E10057670008000D2C1B1E29729','file','','Cam/raw/raw/Cam/0/raw_Cam_0_1_01a20e10-0576-7000-8000-d2c1b1e29729.json',NULL,26,'blake2b:7ef37021711674720be051291b82ac89','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E1005AE700080006E8620A462FF','file','','Cam/raw/raw/Cam/0/raw_Cam_0_2_01a20e10-05ae-7000-8000-6e8620a462ff.json',NULL,26,'blake2b:4f11390d02265ec99c6ed930ff542db1','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E1005B970008000BB69FDB64020','file','','Cam/raw/raw/Cam/0/raw_Cam_0_3_01a20e10-05b9-7000-8000-bb69fdb64020.json',NULL,26,'blake2b:e8285c7b97e8941a244e511cd35f9972','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E1005CB700080001D3B76A6B9BB','file','','Cam/biases/bias/Cam/bias_Cam_1_01a20e10-05cb-7000-8000-1d3b76a6b9bb.json',NULL,11,'blake2b:f3a7db33a0dc2f5c9b4baa81d6c50964','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E1005D8700080002ED3F503D2A7','file','','Cam/raw/raw/Cam/1/raw_Cam_1_1_01a20e10-05d8-7000-8000-2ed3f503d2a7.json',NULL,26,'blake2b:792269c2d9fd104b26826c3830781680','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E1005FD70008000B06EB5022D6D','file','','Cam/raw/raw/Cam/1/raw_Cam_1_2_01a20e10-05fd-7000-8000-b06eb5022d6d.json',NULL,26,'blake2b:3cf48e6f80a3e91843a1bf37fe78293a','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E10061470008000A8BCDB4BBE19','file','','Cam/raw/raw/Cam/1/raw_Cam_1_3_01a20e10-0614-7000-8000-a8bcdb4bbe19.json',NULL,26,'blake2b:ffb0491c4f9aaa0424de8b41b88dfc97','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E100624700080001F8D5BD7AE7D','file','','Cam/biases/bias/Cam/bias_Cam_2_01a20e10-0624-7000-8000-1f8d5bd7ae7d.json',NULL,11,'blake2b:0eb13d0149a72d058de241299d817557','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E10063070008000A2318189D098','file','','Cam/raw/raw/Cam/2/raw_Cam_2_1_01a20e10-0630-7000-8000-a2318189d098.json',NULL,26,'blake2b:978c7d6c5c8606766aae3996bd4fa182','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E10065470008000BB18FAE95709','file','','Cam/raw/raw/Cam/2/raw_Cam_2_2_01a20e10-0654-7000-8000-bb18fae95709.json',NULL,26,'blake2b:996eb5efdbf2cf83371f7970705c04ca','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E100661700080005FBAB17294E1','file','','Cam/raw/raw/Cam/2/raw_Cam_2_3_01a20e10-0661-7000-8000-5fbab17294e1.json',NULL,26,'blake2b:c7d3d48b3b5b6f66f44c7d578425ecae','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E10066D70008000C017F8485BC1','file','','Cam/biases/bias/Cam/bias_Cam_3_01a20e10-066d-7000-8000-c017f8485bc1.json',NULL,11,'blake2b:6b6b5352ee8b806bcbe180955bfa9187','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E10067C700080008E5A1018A8A9','file','','Cam/raw/raw/Cam/3/raw_Cam_3_1_01a20e10-067c-7000-8000-8e5a1018a8a9.json',NULL,26,'blake2b:308ebc834870d90b928cf61ae4c207e8','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E100695700080001A64DDD2E6F9','file','','Cam/raw/raw/Cam/3/raw_Cam_3_2_01a20e10-0695-7000-8000-1a64ddd2e6f9.json',NULL,26,'blake2b:5f4dc29e7033c243461c3599a64e9295','json','StructuredDict');
INSERT INTO "datastore_file" VALUES(X'01A20E10069F700080008CB76377D7CD','file','','Cam/raw/raw/Cam/3/raw_Cam_3_3_01a20e10-069f-7000-8000-8cb76377d7cd.json',NULL,26,'blake2b:13d44020077b86fa4c614e7a573e447d','json','StructuredDict');
CREATE TABLE day_obs (
	instrument VARCHAR(32) NOT NULL, 
	day_obs BIGINT NOT NULL, 
	timespan_begin BIGINT, 
	timespan_end BIGINT, 
	PRIMARY KEY (instrument, day_obs), 
	FOREIGN KEY(instrument) REFERENCES instrument (instrument)
)
 WITHOUT ROWID

;
INSERT INTO "day_obs" VALUES('Cam',20260101,86400000000000,86410000000000);
INSERT INTO "day_obs" VALUES('Cam',20260102,172800000000000,172810000000000);
INSERT INTO "day_obs" VALUES('Cam',20260103,259200000000000,259210000000000);
CREATE TABLE detector (
	instrument VARCHAR(32) NOT NULL, 
	detector BIGINT NOT NULL, 
	full_name VARCHAR(32) NOT NULL, 
	name_in_raft VARCHAR(32), 
	raft VARCHAR(32), 
	purpose VARCHAR(32), 
	PRIMARY KEY (instrument, detector), 
	UNIQUE (instrument, full_name), 
	FOREIGN KEY(instrument) REFERENCES instrument (instrument)
)
 WITHOUT ROWID

;
INSERT INTO "detector" VALUES('Cam',0,'S0',NULL,NULL,'GUIDER');
INSERT INTO "detector" VALUES('Cam',1,'S1',NULL,NULL,'SCIENCE');
INSERT INTO "detector" VALUES('Cam',2,'S2',NULL,NULL,'SCIENCE');
INSERT INTO "detector" VALUES('Cam',3,'S3',NULL,NULL,'SCIENCE');
CREATE TABLE dimension_group (
	id INTEGER NOT NULL, 
	dimensions VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (dimensions)
);
INSERT INTO "dimension_group" VALUES(1,'["instrument", "detector", "exposure"]');
INSERT INTO "dimension_group" VALUES(2,'["instrument", "detector"]');
CREATE TABLE exposure (
	instrument VARCHAR(32) NOT NULL, 
	exposure BIGINT NOT NULL, 
	physical_filter VARCHAR(32), 
	"group" VARCHAR(64), 
	day_obs BIGINT, 
	obs_id VARCHAR(64) NOT NULL, 
	exposure_time DOUBLE, 
	dark_time DOUBLE, 
	observation_type VARCHAR(32), 
	observation_reason VARCHAR(68), 
	seq_num BIGINT, 
	seq_start BIGINT, 
	seq_end BIGINT, 
	target_name VARCHAR(64), 
	science_program VARCHAR(64), 
	tracking_ra DOUBLE, 
	tracking_dec DOUBLE, 
	sky_angle DOUBLE, 
	azimuth DOUBLE, 
	zenith_angle DOUBLE, 
	has_simulated BOOLEAN, 
	can_see_sky BOOLEAN, 
	timespan_begin BIGINT, 
	timespan_end BIGINT, 
	PRIMARY KEY (instrument, exposure), 
	UNIQUE (instrument, obs_id), 
	FOREIGN KEY(instrument) REFERENCES instrument (instrument), 
	FOREIGN KEY(instrument, physical_filter) REFERENCES physical_filter (instrument, physical_filter), 
	FOREIGN KEY(instrument, "group") REFERENCES "group" (instrument, "group"), 
	FOREIGN KEY(instrument, day_obs) REFERENCES day_obs (instrument, day_obs)
)
 WITHOUT ROWID

;
INSERT INTO "exposure" VALUES('Cam',1,'g1','group 1',20260101,'obs-1',10.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,86400000000000,86410000000000);
INSERT INTO "exposure" VALUES('Cam',2,'g1','group 2',20260102,'obs-2',20.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,172800000000000,172810000000000);
INSERT INTO "exposure" VALUES('Cam',3,'r1','group 3',20260103,'obs-3',30.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,259200000000000,259210000000000);
CREATE TABLE "group" (
	instrument VARCHAR(32) NOT NULL, 
	"group" VARCHAR(64) NOT NULL, 
	PRIMARY KEY (instrument, "group"), 
	FOREIGN KEY(instrument) REFERENCES instrument (instrument)
)
 WITHOUT ROWID

;
INSERT INTO "group" VALUES('Cam','group 1');
INSERT INTO "group" VALUES('Cam','group 2');
INSERT INTO "group" VALUES('Cam','group 3');
CREATE TABLE instrument (
	instrument VARCHAR(32) NOT NULL, 
	visit_max BIGINT, 
	visit_system BIGINT, 
	exposure_max BIGINT, 
	detector_max BIGINT, 
	class_name VARCHAR(64), 
	PRIMARY KEY (instrument)
)
 WITHOUT ROWID

;
INSERT INTO "instrument" VALUES('Cam',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE patch (
	skymap VARCHAR(64) NOT NULL, 
	tract BIGINT NOT NULL, 
	patch BIGINT NOT NULL, 
	cell_x BIGINT NOT NULL, 
	cell_y BIGINT NOT NULL, 
	region BLOB, 
	PRIMARY KEY (skymap, tract, patch), 
	FOREIGN KEY(skymap, tract) REFERENCES tract (skymap, tract)
)
 WITHOUT ROWID

;
INSERT INTO "patch" VALUES('sky',0,0,0,0,X'70206AF96C1F68EF3F0836F4327F88C83F0000000000000000F427E210FC63EF3F7FF11FD5ABDCC83F000000000000000053981804F563EF3F4BD8B13FA6DCC83F0F16C4275372653F0EEF415F1868EF3F76AE6DB07988C83F0F16C4275372653F');
INSERT INTO "patch" VALUES('sky',0,1,1,0,X'70F9F20DFE3161EF3FC242A664C314C93F000000000000000056F80C23F75CEF3F2ED70E55DD68C93F000000000000000063FAD617F05CEF3F446224A0D768C93F0F16C4275372653FB4C2E4F12A61EF3FA62C9FC2BD14C93F0F16C4275372653F');
INSERT INTO "patch" VALUES('sky',0,2,2,0,X'70F95F07681D5AEF3F6B94164BE8A0C93F000000000000000014C46313CB55EF3FA3DDCC20EFF4C93F0000000000000000B221CA09C455EF3FD02B6D4CE9F4C93F0F16C4275372653F9445755D165AEF3F01F79589E2A0C93F0F16C4275372653F');
INSERT INTO "patch" VALUES('sky',0,3,3,0,X'707E46BBB3E152EF3F852A6937ED2CCA3F0000000000000000D86AD9EA774EEF3F8EDA9589E080CA3F0000000000000000E8EBE4E2704EEF3FDE31C895DA80CA3F0F16C4275372653F0E0BC9AADA52EF3F4E347656E72CCA3F0F16C4275372653F');
INSERT INTO "patch" VALUES('sky',1,0,0,0,X'70D40A30EA7E4BEF3F77EAE97AD1B8CA3F00000000000000007B9491B2FD46EF3F530CCEE0B00CCB3F0000000000000000CFFE4AACF646EF3F0BDA99CDAA0CCB3F0F16C4275372653F6A75E6E2774BEF3F32F18B7ACBB8CA3F0F16C4275372653F');
INSERT INTO "patch" VALUES('sky',1,1,1,0,X'70EBD49C14F543EF3F8B790D679444CB3F00000000000000009FA5E0735C3FEF3FEAF302785F98CB3F0000000000000000F1BC506F553FEF3F7CCC6F455998CB3F0F16C4275372653F84AA040FEE43EF3F28FA4B478E44CB3F0F16C4275372653F');
INSERT INTO "patch" VALUES('sky',1,2,2,0,X'70DF84693C443CEF3FB716724D35D0CB3F00000000000000000DB44B389437EF3F892EECA0EB23CC3F0000000000000000F5397B358D37EF3F8BCD014FE523CC3F0F16C4275372653F5B888B383D3CEF3F51B5540E2FD0CB3F0F16C4275372653F');
INSERT INTO "patch" VALUES('sky',1,3,3,0,X'7035A72E6B6C34EF3F3174E07FB35BCC3F0000000000000000D07A8809A52FEF3F174F6CAD54AFCC3F0000000000000000B62E80089E2FEF3F3997323C4EAFCC3F0F16C4275372653F4E9913696534EF3F05FC6E21AD5BCC3F0F16C4275372653F');
CREATE TABLE patch_pixel (
	pixel BIGINT NOT NULL, 
	skymap VARCHAR(64) NOT NULL, 
	tract BIGINT NOT NULL, 
	patch BIGINT NOT NULL, 
	PRIMARY KEY (pixel, skymap, tract, patch)
)
 WITHOUT ROWID

;
INSERT INTO "patch_pixel" VALUES(131200,'sky',0,0);
INSERT INTO "patch_pixel" VALUES(131648,'sky',0,1);
INSERT INTO "patch_pixel" VALUES(131648,'sky',0,2);
INSERT INTO "patch_pixel" VALUES(131648,'sky',0,3);
INSERT INTO "patch_pixel" VALUES(131650,'sky',1,0);
INSERT INTO "patch_pixel" VALUES(131650,'sky',1,1);
INSERT INTO "patch_pixel" VALUES(131650,'sky',1,2);
INSERT INTO "patch_pixel" VALUES(131657,'sky',1,2);
INSERT INTO "patch_pixel" VALUES(131657,'sky',1,3);
INSERT INTO "patch_pixel" VALUES(131661,'sky',1,2);
INSERT INTO "patch_pixel" VALUES(254016,'sky',0,0);
INSERT INTO "patch_pixel" VALUES(254336,'sky',0,1);
INSERT INTO "patch_pixel" VALUES(254336,'sky',0,2);
INSERT INTO "patch_pixel" VALUES(254336,'sky',0,3);
INSERT INTO "patch_pixel" VALUES(254337,'sky',1,0);
INSERT INTO "patch_pixel" VALUES(254337,'sky',1,1);
INSERT INTO "patch_pixel" VALUES(254337,'sky',1,2);
INSERT INTO "patch_pixel" VALUES(254339,'sky',0,3);
INSERT INTO "patch_pixel" VALUES(254342,'sky',1,2);
INSERT INTO "patch_pixel" VALUES(254342,'sky',1,3);
INSERT INTO "patch_pixel" VALUES(254350,'sky',1,2);
INSERT INTO "patch_pixel" VALUES(254848,'sky',0,0);
CREATE TABLE physical_filter (
	instrument VARCHAR(32) NOT NULL, 
	physical_filter VARCHAR(32) NOT NULL, 
	band VARCHAR(32), 
	PRIMARY KEY (instrument, physical_filter), 
	FOREIGN KEY(instrument) REFERENCES instrument (instrument), 
	FOREIGN KEY(band) REFERENCES band (band)
)
 WITHOUT ROWID

;
INSERT INTO "physical_filter" VALUES('Cam','g1','g');
INSERT INTO "physical_filter" VALUES('Cam','r1','r');
CREATE TABLE skymap (
	skymap VARCHAR(64) NOT NULL, 
	hash BLOB NOT NULL, 
	tract_max BIGINT, 
	patch_nx_max BIGINT, 
	patch_ny_max BIGINT, 
	PRIMARY KEY (skymap)
)
 WITHOUT ROWID

;
INSERT INTO "skymap" VALUES('sky',X'3132',NULL,NULL,NULL);
ANALYZE "sqlite_master";
INSERT INTO "sqlite_stat1" VALUES('dataset','dataset','10000000 100000 10000 1');
INSERT INTO "sqlite_stat1" VALUES('tag','tag','1000000 100000 10000 1');
INSERT INTO "sqlite_stat1" VALUES('calibration','calibration','100000 10000 1000 10 1');
CREATE TABLE ssp_balanced_index (
	ssp_balanced_index BIGINT NOT NULL, 
	PRIMARY KEY (ssp_balanced_index)
)
 WITHOUT ROWID

;
CREATE TABLE ssp_hypothesis_bundle (
	ssp_hypothesis_table VARCHAR(64) NOT NULL, 
	ssp_hypothesis_bundle BIGINT NOT NULL, 
	PRIMARY KEY (ssp_hypothesis_table, ssp_hypothesis_bundle), 
	FOREIGN KEY(ssp_hypothesis_table) REFERENCES ssp_hypothesis_table (ssp_hypothesis_table)
)
 WITHOUT ROWID

;
CREATE TABLE ssp_hypothesis_table (
	ssp_hypothesis_table VARCHAR(64) NOT NULL, 
	PRIMARY KEY (ssp_hypothesis_table)
)
 WITHOUT ROWID

;
CREATE TABLE subfilter (
	band VARCHAR(32) NOT NULL, 
	subfilter BIGINT NOT NULL, 
	PRIMARY KEY (band, subfilter), 
	FOREIGN KEY(band) REFERENCES band (band)
)
 WITHOUT ROWID

;
CREATE TABLE tag (
	collection_id INTEGER NOT NULL, 
	dataset_type_id INTEGER NOT NULL, 
	data_id INTEGER NOT NULL, 
	uuid BLOB NOT NULL, 
	PRIMARY KEY (collection_id, dataset_type_id, data_id), 
	FOREIGN KEY(collection_id) REFERENCES collection (id), 
	FOREIGN KEY(dataset_type_id) REFERENCES dataset_type (id)
)
 WITHOUT ROWID

;
INSERT INTO "tag" VALUES(4,1,1,X'01A20E10057670008000D2C1B1E29729');
INSERT INTO "tag" VALUES(4,1,2,X'01A20E1005AE700080006E8620A462FF');
INSERT INTO "tag" VALUES(4,1,3,X'01A20E1005B970008000BB69FDB64020');
CREATE TABLE tract (
	skymap VARCHAR(64) NOT NULL, 
	tract BIGINT NOT NULL, 
	region BLOB, 
	PRIMARY KEY (skymap, tract), 
	FOREIGN KEY(skymap) REFERENCES skymap (skymap)
)
 WITHOUT ROWID

;
INSERT INTO "tract" VALUES('sky',0,X'70C2B638697D69EF3F4F6276DD6D6CC83F000000000000000080007A32FC4CEF3FF65842ACD99CCA3F0000000000000000E99E43C5C34BEF3F6214220AD09BCA3F1EDD892B0BDF913F4C8E7DDF4368EF3F40E626157A6BC83F1EDD892B0BDF913F');
INSERT INTO "tract" VALUES('sky',1,X'7080007A32FC4CEF3FF65842ACD99CCA3F00000000000000000F874E210A2EEF3F75C6CD3632CBCC3F000000000000000053DDF9E8D22CEF3F0A8993CF12CACC3F1EDD892B0BDF913FE99E43C5C34BEF3F6214220AD09BCA3F1EDD892B0BDF913F');
CREATE TABLE tract_pixel (
	pixel BIGINT NOT NULL, 
	skymap VARCHAR(64) NOT NULL, 
	tract BIGINT NOT NULL, 
	PRIMARY KEY (pixel, skymap, tract)
)
 WITHOUT ROWID

;
INSERT INTO "tract_pixel" VALUES(131200,'sky',0);
INSERT INTO "tract_pixel" VALUES(131648,'sky',0);
INSERT INTO "tract_pixel" VALUES(131650,'sky',0);
INSERT INTO "tract_pixel" VALUES(131650,'sky',1);
INSERT INTO "tract_pixel" VALUES(131651,'sky',0);
INSERT INTO "tract_pixel" VALUES(131657,'sky',1);
INSERT INTO "tract_pixel" VALUES(131661,'sky',1);
INSERT INTO "tract_pixel" VALUES(131904,'sky',0);
INSERT INTO "tract_pixel" VALUES(254016,'sky',0);
INSERT INTO "tract_pixel" VALUES(254336,'sky',0);
INSERT INTO "tract_pixel" VALUES(254337,'sky',0);
INSERT INTO "tract_pixel" VALUES(254337,'sky',1);
INSERT INTO "tract_pixel" VALUES(254338,'sky',0);
INSERT INTO "tract_pixel" VALUES(254339,'sky',0);
INSERT INTO "tract_pixel" VALUES(254341,'sky',1);
INSERT INTO "tract_pixel" VALUES(254342,'sky',1);
INSERT INTO "tract_pixel" VALUES(254343,'sky',1);
INSERT INTO "tract_pixel" VALUES(254348,'sky',1);
INSERT INTO "tract_pixel" VALUES(254349,'sky',0);
INSERT INTO "tract_pixel" VALUES(254350,'sky',0);
INSERT INTO "tract_pixel" VALUES(254350,'sky',1);
INSERT INTO "tract_pixel" VALUES(254351,'sky',0);
INSERT INTO "tract_pixel" VALUES(254351,'sky',1);
INSERT INTO "tract_pixel" VALUES(254848,'sky',0);
INSERT INTO "tract_pixel" VALUES(254849,'sky',0);
INSERT INTO "tract_pixel" VALUES(254851,'sky',0);
CREATE TABLE visit (
	instrument VARCHAR(32) NOT NULL, 
	visit BIGINT NOT NULL, 
	physical_filter VARCHAR(32), 
	day_obs BIGINT, 
	name VARCHAR(64) NOT NULL, 
	seq_num BIGINT, 
	exposure_time DOUBLE, 
	target_name VARCHAR(64), 
	observation_reason VARCHAR(68), 
	science_program VARCHAR(64), 
	azimuth DOUBLE, 
	zenith_angle DOUBLE, 
	region BLOB, 
	timespan_begin BIGINT, 
	timespan_end BIGINT, 
	PRIMARY KEY (instrument, visit), 
	UNIQUE (instrument, name), 
	FOREIGN KEY(instrument) REFERENCES instrument (instrument), 
	FOREIGN KEY(instrument, physical_filter) REFERENCES physical_filter (instrument, physical_filter), 
	FOREIGN KEY(instrument, day_obs) REFERENCES day_obs (instrument, day_obs)
)
 WITHOUT ROWID

;
INSERT INTO "visit" VALUES('Cam',1,'g1',20260101,'v1',NULL,10.0,NULL,NULL,NULL,NULL,NULL,X'70C2B638697D69EF3F4F6276DD6D6CC83F000000000000000080007A32FC4CEF3FF65842ACD99CCA3F0000000000000000E99E43C5C34BEF3F6214220AD09BCA3F1EDD892B0BDF913F4C8E7DDF4368EF3F40E626157A6BC83F1EDD892B0BDF913F',86400000000000,86410000000000);
INSERT INTO "visit" VALUES('Cam',2,'g1',20260102,'v2',NULL,20.0,NULL,NULL,NULL,NULL,NULL,X'7080007A32FC4CEF3FF65842ACD99CCA3F00000000000000000F874E210A2EEF3F75C6CD3632CBCC3F000000000000000053DDF9E8D22CEF3F0A8993CF12CACC3F1EDD892B0BDF913FE99E43C5C34BEF3F6214220AD09BCA3F1EDD892B0BDF913F',172800000000000,172810000000000);
INSERT INTO "visit" VALUES('Cam',3,'r1',20260103,'v3',NULL,30.0,NULL,NULL,NULL,NULL,NULL,X'703950CFA26F83E83F1C163C52B791E43F0000000000000000371CA1B49426E83FD44F38816FFEE43F00000000000000007E8781A5A325E83FFA108FF49DFDE43F1EDD892B0BDF913FAF5FDBF47A82E83F4865C002EA90E43F1EDD892B0BDF913F',259200000000000,259210000000000);
CREATE TABLE visit_definition (
	instrument VARCHAR(32) NOT NULL, 
	visit BIGINT NOT NULL, 
	exposure BIGINT NOT NULL, 
	PRIMARY KEY (instrument, visit, exposure), 
	FOREIGN KEY(instrument, visit) REFERENCES visit (instrument, visit), 
	FOREIGN KEY(instrument, exposure) REFERENCES exposure (instrument, exposure)
)
 WITHOUT ROWID

;
INSERT INTO "visit_definition" VALUES('Cam',1,1);
INSERT INTO "visit_definition" VALUES('Cam',2,2);
INSERT INTO "visit_definition" VALUES('Cam',3,3);
CREATE TABLE visit_detector_region (
	instrument VARCHAR(32) NOT NULL, 
	detector BIGINT NOT NULL, 
	visit BIGINT NOT NULL, 
	region BLOB, 
	PRIMARY KEY (instrument, detector, visit), 
	FOREIGN KEY(instrument, detector) REFERENCES detector (instrument, detector), 
	FOREIGN KEY(instrument, visit) REFERENCES visit (instrument, visit)
)
 WITHOUT ROWID

;
INSERT INTO "visit_detector_region" VALUES('Cam',0,1,X'70C2B638697D69EF3F4F6276DD6D6CC83F0000000000000000AE423B30DF62EF3F1E023C411CF3C83F0000000000000000C3AA9E24CD62EF3F88D2FEE80DF3C83FAA3642854028713F0009CE596B69EF3FC662A8D25F6CC83FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',0,2,X'7080007A32FC4CEF3FF65842ACD99CCA3F0000000000000000F8C1C4CCC745EF3FE83DD1890C23CB3F00000000000000005501E2D1B545EF3F87EFA4EFFC22CB3FAA3642854028713F6AD27233EA4CEF3F97353E5FCA9CCA3FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',0,3,X'703950CFA26F83E83F1C163C52B791E43F0000000000000000CF29C3F8526DE83F136ACAD0F4ABE43F0000000000000000FC7071ED446DE83F1C9134EEE8ABE43FAA3642854028713FE804C78A6183E83F3A6EBC7EAB91E43FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',1,1,X'70B05CF7CF9762EF3F0AA6693CB8F8C83F000000000000000090E5F3FED35BEF3FD8E753BA487FC93F0000000000000000530A64F7C15BEF3F721C7F113A7FC93FAA3642854028713F53CE83C48562EF3F24DAF2E0A9F8C83FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',1,2,X'70E4835C2B7A45EF3F753A6D51A328CB3F00000000000000009B817D50203EEF3FA1B671AAB5AECB3F0000000000000000C959015A0E3EEF3FAA50F9BFA5AECB3FAA3642854028713F6065A6306845EF3F584D0AB49328CB3FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',1,3,X'70B8C21E80666CE83FF44A37320CADE43F00000000000000000FC260942C56E83F383666ED30C7E43F000000000000000026635E961E56E83F0FC827FB24C7E43FAA3642854028713F27FF5475586CE83F15D1004F00ADE43FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',2,1,X'700F72DC0D8B5BEF3F16B21873E384C93F000000000000000053C643ADA154EF3FFED24163550BCA3F0000000000000000A726D7A98F54EF3F3AB6E769460BCA3FAA3642854028713FD4867606795BEF3FBD030BC7D484C93FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',2,2,X'70B674B91FD13DEF3F7125B6134BB4CB3F000000000000000082B1DCD85136EF3F27DAE7403C3ACC3F0000000000000000158CDDE63F36EF3F5D3837062C3ACC3FAA3642854028713F9FD46A29BF3DEF3F2BEA07263BB4CB3FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',2,3,X'7013EF3DE43E55E83FEEEE004647C8E43F00000000000000009A7489D2E73EE83F66D9311D53E2E43F0000000000000000EBE4E7E1D93EE83FD9BD591B47E2E43FAA3642854028713F8338C4E63055E83F1F7822533BC8E43FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',3,1,X'70EEC7B32B5754EF3F55A59FD2EE10CA3F00000000000000007D932544484DEF3FC301488D4197CA3F00000000000000001CA9F244364DEF3F8B427B433297CA3FAA3642854028713F83FE71284554EF3F02630DD6DF10CA3FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',3,2,X'7059A41F190136EF3F453DDD44D03FCC3F000000000000000020D49F6F5C2EEF3F2D2F1D9F9FC5CC3F0000000000000000131534824A2EEF3F6A9148148FC5CC3FAA3642854028713F0AEC4E27EF35EF3F9B93F706C03FCC3FAA3642854028713F');
INSERT INTO "visit_detector_region" VALUES('Cam',3,3,X'709BC610ECF83DE83F4C1E9F6B68E3E43F0000000000000000209145D08427E83F477E523E5BFDE43F0000000000000000493516ED7627E83F9AB0EF2C4FFDE43FAA3642854028713FB291F8FBEA3DE83F229327695CE3E43FAA3642854028713F');
CREATE TABLE visit_detector_region_pixel (
	pixel BIGINT NOT NULL, 
	instrument VARCHAR(32) NOT NULL, 
	detector BIGINT NOT NULL, 
	visit BIGINT NOT NULL, 
	PRIMARY KEY (pixel, instrument, detector, visit)
)
 WITHOUT ROWID

;
INSERT INTO "visit_detector_region_pixel" VALUES(131200,'Cam',0,1);
INSERT INTO "visit_detector_region_pixel" VALUES(131200,'Cam',1,1);
INSERT INTO "visit_detector_region_pixel" VALUES(131648,'Cam',1,1);
INSERT INTO "visit_detector_region_pixel" VALUES(131648,'Cam',2,1);
INSERT INTO "visit_detector_region_pixel" VALUES(131648,'Cam',3,1);
INSERT INTO "visit_detector_region_pixel" VALUES(131650,'Cam',0,2);
INSERT INTO "visit_detector_region_pixel" VALUES(131650,'Cam',1,2);
INSERT INTO "visit_detector_region_pixel" VALUES(131650,'Cam',2,2);
INSERT INTO "visit_detector_region_pixel" VALUES(131650,'Cam',3,1);
INSERT INTO "visit_detector_region_pixel" VALUES(131651,'Cam',3,1);
INSERT INTO "visit_detector_region_pixel" VALUES(131657,'Cam',2,2);
INSERT INTO "visit_detector_region_pixel" VALUES(131657,'Cam',3,2);
INSERT INTO "visit_detector_region_pixel" VALUES(131661,'Cam',2,2);
INSERT INTO "visit_detector_region_pixel" VALUES(131904,'Cam',1,1);
INSERT INTO "visit_detector_region_pixel" VALUES(133136,'Cam',0,3);
INSERT INTO "visit_detector_region_pixel" VALUES(133138,'Cam',0,3);
INSERT INTO "visit_detector_region_pixel" VALUES(133138,'Cam',1,3);
INSERT INTO "visit_detector_region_pixel" VALUES(133138,'Cam',2,3);
INSERT INTO "visit_detector_region_pixel" VALUES(133138,'Cam',3,3);
INSERT INTO "visit_detector_region_pixel" VALUES(133139,'Cam',0,3);
INSERT INTO "visit_detector_region_pixel" VALUES(133145,'Cam',3,3);
INSERT INTO "visit_detector_region_pixel" VALUES(133149,'Cam',3,3);
INSERT INTO "visit_detector_region_pixel" VALUES(254016,'Cam',0,1);
INSERT INTO "visit_detector_region_pixel" VALUES(254016,'Cam',1,1);
INSERT INTO "visit_detector_region_pixel" VALUES(254336,'Cam',1,1);
INSERT INTO "visit_detector_region_pixel" VALUES(254336,'Cam',2,1);
INSERT INTO "visit_detector_region_pixel" VALUES(254336,'Cam',3,1);
INSERT INTO "visit_detector_region_pixel" VALUES(254337,'Cam',0,2);
INSERT INTO "visit_detector_region_pixel" VALUES(254337,'Cam',1,2);
INSERT INTO "visit_detector_region_pixel" VALUES(254337,'Cam',2,2);
INSERT INTO "visit_detector_region_pixel" VALUES(254337,'Cam',3,1);
INSERT INTO "visit_detector_region_pixel" VALUES(254339,'Cam',2,1);
INSERT INTO "visit_detector_region_pixel" VALUES(254339,'Cam',3,1);
INSERT INTO "visit_detector_region_pixel" VALUES(254342,'Cam',2,2);
INSERT INTO "visit_detector_region_pixel" VALUES(254342,'Cam',3,2);
INSERT INTO "visit_detector_region_pixel" VALUES(254350,'Cam',1,2);
INSERT INTO "visit_detector_region_pixel" VALUES(254350,'Cam',2,2);
INSERT INTO "visit_detector_region_pixel" VALUES(254848,'Cam',0,1);
INSERT INTO "visit_detector_region_pixel" VALUES(254848,'Cam',1,1);
INSERT INTO "visit_detector_region_pixel" VALUES(255008,'Cam',0,3);
INSERT INTO "visit_detector_region_pixel" VALUES(255009,'Cam',0,3);
INSERT INTO "visit_detector_region_pixel" VALUES(255009,'Cam',1,3);
INSERT INTO "visit_detector_region_pixel" VALUES(255009,'Cam',2,3);
INSERT INTO "visit_detector_region_pixel" VALUES(255009,'Cam',3,3);
INSERT INTO "visit_detector_region_pixel" VALUES(255011,'Cam',0,3);
INSERT INTO "visit_detector_region_pixel" VALUES(255014,'Cam',3,3);
INSERT INTO "visit_detector_region_pixel" VALUES(255022,'Cam',2,3);
INSERT INTO "visit_detector_region_pixel" VALUES(255022,'Cam',3,3);
CREATE TABLE visit_pixel (
	pixel BIGINT NOT NULL, 
	instrument VARCHAR(32) NOT NULL, 
	visit BIGINT NOT NULL, 
	PRIMARY KEY (pixel, instrument, visit)
)
 WITHOUT ROWID

;
INSERT INTO "visit_pixel" VALUES(131200,'Cam',1);
INSERT INTO "visit_pixel" VALUES(131648,'Cam',1);
INSERT INTO "visit_pixel" VALUES(131650,'Cam',1);
INSERT INTO "visit_pixel" VALUES(131650,'Cam',2);
INSERT INTO "visit_pixel" VALUES(131651,'Cam',1);
INSERT INTO "visit_pixel" VALUES(131657,'Cam',2);
INSERT INTO "visit_pixel" VALUES(131661,'Cam',2);
INSERT INTO "visit_pixel" VALUES(131904,'Cam',1);
INSERT INTO "visit_pixel" VALUES(133136,'Cam',3);
INSERT INTO "visit_pixel" VALUES(133138,'Cam',3);
INSERT INTO "visit_pixel" VALUES(133139,'Cam',3);
INSERT INTO "visit_pixel" VALUES(133145,'Cam',3);
INSERT INTO "visit_pixel" VALUES(133149,'Cam',3);
INSERT INTO "visit_pixel" VALUES(254016,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254336,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254337,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254337,'Cam',2);
INSERT INTO "visit_pixel" VALUES(254338,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254339,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254341,'Cam',2);
INSERT INTO "visit_pixel" VALUES(254342,'Cam',2);
INSERT INTO "visit_pixel" VALUES(254343,'Cam',2);
INSERT INTO "visit_pixel" VALUES(254348,'Cam',2);
INSERT INTO "visit_pixel" VALUES(254349,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254350,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254350,'Cam',2);
INSERT INTO "visit_pixel" VALUES(254351,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254351,'Cam',2);
INSERT INTO "visit_pixel" VALUES(254848,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254849,'Cam',1);
INSERT INTO "visit_pixel" VALUES(254851,'Cam',1);
INSERT INTO "visit_pixel" VALUES(255008,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255009,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255010,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255011,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255013,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255014,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255015,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255020,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255021,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255022,'Cam',3);
INSERT INTO "visit_pixel" VALUES(255023,'Cam',3);
CREATE TABLE visit_system (
	instrument VARCHAR(32) NOT NULL, 
	visit_system BIGINT NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	PRIMARY KEY (instrument, visit_system), 
	UNIQUE (instrument, name), 
	FOREIGN KEY(instrument) REFERENCES instrument (instrument)
)
 WITHOUT ROWID

;
CREATE TABLE visit_system_membership (
	instrument VARCHAR(32) NOT NULL, 
	visit BIGINT NOT NULL, 
	visit_system BIGINT NOT NULL, 
	PRIMARY KEY (instrument, visit, visit_system), 
	FOREIGN KEY(instrument, visit) REFERENCES visit (instrument, visit), 
	FOREIGN KEY(instrument, visit_system) REFERENCES visit_system (instrument, visit_system)
)
 WITHOUT ROWID

;
CREATE INDEX ix_datastore_file_path ON datastore_file (path);
COMMIT;
