-- Made by i3desk when the tables had version 1.
BEGIN TRANSACTION;
CREATE TABLE chunk_blocks (
            id INTEGER PRIMARY KEY,
            message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
            first INTEGER NOT NULL,
            count INTEGER NOT NULL,
            data BLOB NOT NULL
        ) STRICT;
INSERT INTO "chunk_blocks" VALUES(1,2,0,2,X'785E8B8E3632D0514ACC53C8CF495150D231D033D789C6108AD58936D6512A4E4D0429308C8D05F28D0C75944A4AD393F2134BF440A266206DE86218FA6201648C1DB3');
INSERT INTO "chunk_blocks" VALUES(2,3,0,3,X'785E8B8E3632D0512AC9284A4D5550D231D033D789461789D58936D6512A4E4D04C91BC6C602F946863A4A19A945459979E9605D66205DE862D8F419E92825E5279614EB8174998274A18A60E8890500A0BB2B0C');
INSERT INTO "chunk_blocks" VALUES(3,6,0,3,X'785E8B8E3632D0512AC9485550D231D033D78946E5C7EA441BEB2815A72682640D6363817C23431DA5F2CC94FC7285FC34B0263390260C416C3A8D2036E564A6679464E49716A72A64A7A616A416E9818C310519835F058699B1006BF335FE');
INSERT INTO "chunk_blocks" VALUES(4,8,0,2,X'785E8B8E3632D0512A2E29CA2C482D5650D231D033D789C6148BD58936062A4B4D04A9308C8D05F28D0C759412F352400266202D485C0CD5B100BBE61B89');
CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL DEFAULT '',
            has_own_title INTEGER NOT NULL DEFAULT 0,
            pinned INTEGER NOT NULL DEFAULT 0,
            created_at REAL NOT NULL CHECK (created_at BETWEEN 0 AND 1e11),
            updated_at REAL NOT NULL CHECK (updated_at BETWEEN 0 AND 1e11),
            settings TEXT NOT NULL DEFAULT '{}',
            leaf INTEGER,
            draft TEXT NOT NULL DEFAULT '',
            window_used INTEGER NOT NULL DEFAULT 0,
            window INTEGER NOT NULL DEFAULT 0,
            first_seen INTEGER,
            preview TEXT NOT NULL DEFAULT '',
            message_count INTEGER NOT NULL DEFAULT 0,
            deleted_at REAL
        ) STRICT;
INSERT INTO "conversations" VALUES(1,'The harbour',1,1,1763900000.0,1763900009.0,'{"sampling":{"temperature":0.6,"top_k":40,"top_p":0.95,"min_p":0.0,"repetition_penalty":1.0,"max_new_tokens":160,"seed":11,"stop":[],"allow_unk":false},"mode":"chat","persona":""}',NULL,'and the gulls?',40,512,NULL,'',6,NULL);
INSERT INTO "conversations" VALUES(2,'',0,0,1763900100.0,1763900120.0,'{"sampling":{"temperature":0.8,"top_k":40,"top_p":0.95,"min_p":0.0,"repetition_penalty":1.0,"max_new_tokens":160,"seed":null,"stop":[],"allow_unk":false},"mode":"chat","persona":""}',NULL,'',0,512,NULL,'',2,NULL);
CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            parent INTEGER,
            role TEXT NOT NULL,
            text TEXT NOT NULL,
            created_at REAL NOT NULL,
            state TEXT NOT NULL,
            given_tokens INTEGER NOT NULL,
            new_tokens INTEGER NOT NULL,
            tokens_per_second REAL NOT NULL,
            seconds_to_first_token REAL,
            seed INTEGER,
            finish_reason TEXT,
            what_failed TEXT NOT NULL,
            remedy TEXT NOT NULL,
            model TEXT NOT NULL,
            sampling TEXT,
            UNIQUE (conversation, number)
        ) STRICT;
INSERT INTO "messages" VALUES(1,1,1,NULL,'user','what lies in the harbour?',1763900001.0,'done',0,0,0.0,NULL,NULL,NULL,'','','',NULL);
INSERT INTO "messages" VALUES(2,1,2,1,'assistant','an old tugboat.',1763900002.0,'done',0,2,120.0,0.03,11,'stop','','','i3-mini','{"temperature":0.6,"top_k":40,"top_p":0.95,"min_p":0.0,"repetition_penalty":1.0,"max_new_tokens":160,"seed":11,"stop":[],"allow_unk":false}');
INSERT INTO "messages" VALUES(3,1,3,1,'assistant','three herring boats.',1763900003.0,'done',0,3,120.0,0.03,11,'stop','','','i3-mini','{"temperature":0.6,"top_k":40,"top_p":0.95,"min_p":0.0,"repetition_penalty":1.0,"max_new_tokens":160,"seed":11,"stop":[],"allow_unk":false}');
INSERT INTO "messages" VALUES(4,1,4,3,'user','which is the oldest?',1763900004.0,'done',0,0,0.0,NULL,NULL,NULL,'','','',NULL);
INSERT INTO "messages" VALUES(5,1,5,3,'user','who owns them?',1763900005.0,'done',0,0,0.0,NULL,NULL,NULL,'','','',NULL);
INSERT INTO "messages" VALUES(6,1,6,5,'assistant','the widow of the lighthouse keeper.',1763900006.0,'done',0,3,120.0,0.03,11,'stop','','','i3-mini','{"temperature":0.6,"top_k":40,"top_p":0.95,"min_p":0.0,"repetition_penalty":1.0,"max_new_tokens":160,"seed":11,"stop":[],"allow_unk":false}');
INSERT INTO "messages" VALUES(7,2,1,NULL,'user','tell me about zebras',1763900001.0,'done',0,0,0.0,NULL,NULL,NULL,'','','',NULL);
INSERT INTO "messages" VALUES(8,2,2,1,'assistant','stripes and',1763900002.0,'streaming',0,2,120.0,0.03,11,NULL,'','','i3-mini','{"temperature":0.6,"top_k":40,"top_p":0.95,"min_p":0.0,"repetition_penalty":1.0,"max_new_tokens":160,"seed":11,"stop":[],"allow_unk":false}');
CREATE INDEX chunk_blocks_of_message ON chunk_blocks (message, first);
CREATE INDEX unfinished_messages ON messages (state) WHERE state IN ('queued', 'waiting', 'streaming');
COMMIT;
PRAGMA user_version = 1;
