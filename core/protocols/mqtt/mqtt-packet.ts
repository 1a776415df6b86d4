import type { MqttQos } from './mqtt.ts';

/** Reason codes of MQTT 5 that a server gives or hears; those of 0x80 and more are failures. */
export const MqttReason = {
  Success: 0x00,
  DisconnectWithWill: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  Unspecified: 0x80,
  Malformed: 0x81,
  ProtocolError: 0x82,
  ImplementationError: 0x83,
  UnsupportedVersion: 0x84,
  BadClientId: 0x85,
  BadCredentials: 0x86,
  NotAuthorized: 0x87,
  ServerBusy: 0x89,
  ShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  BadFilter: 0x8f,
  BadTopic: 0x90,
  PacketIdNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  BadTopicAlias: 0x94,
  PacketTooLarge: 0x95,
  QuotaExceeded: 0x97,
  BadPayloadFormat: 0x99,
  SharedNotSupported: 0x9e,
  ConnectTimeExceeded: 0xa0,
} as const;

/** The protocol level of a CONNECT: 3 is MQTT 3.1, 4 is 3.1.1. */
export type MqttVersion = 3 | 4 | 5;

/** One of {@link MqttReason}, or what else a peer sends. */
export type MqttReason = number;

/** Text by text, as the sender wants it handed on. */
type MqttUserProperties = Readonly<Record<string, string | readonly string[]>>;

/** What MQTT 5 says of a message beside topic and payload, and every receiver is to hear. */
export interface MqttPublishProperties {
  /** The payload is UTF-8. */
  readonly payloadFormatIndicator?: boolean;
  /** Seconds. */
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly userProperties?: MqttUserProperties;
  /** One hop only. */
  readonly topicAlias?: number;
  /** From the server: of each subscription that matched. */
  readonly subscriptionIdentifier?: number | readonly number[];
}

/** A last will: what the server publishes when the client is gone without DISCONNECT. */
export interface MqttWill {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos?: MqttQos;
  readonly retain?: boolean;
  readonly properties?: MqttPublishProperties & { readonly willDelayInterval?: number };
}

/** The first packet of a client. */
export interface MqttConnectPacket {
  readonly cmd: 'connect';
  readonly protocolVersion: MqttVersion;
  /** A bridge: it wants nothing back that it published, and every message with the retain flag it was published with. */
  readonly bridgeMode?: boolean;
  readonly clientId: string;
  readonly clean: boolean;
  /** Seconds; 0 is none. */
  readonly keepalive: number;
  readonly username?: string;
  readonly password?: Uint8Array;
  readonly will?: MqttWill;
  readonly properties?: {
    readonly sessionExpiryInterval?: number;
    readonly receiveMaximum?: number;
    readonly maximumPacketSize?: number;
    readonly topicAliasMaximum?: number;
    readonly requestProblemInformation?: boolean;
    readonly authenticationMethod?: string;
  };
}

/** What a server says of itself in its answer. */
export interface MqttConnackProperties {
  readonly sessionExpiryInterval?: number;
  readonly receiveMaximum?: number;
  readonly maximumPacketSize?: number;
  readonly topicAliasMaximum?: number;
  readonly assignedClientIdentifier?: string;
  readonly serverKeepAlive?: number;
  readonly sharedSubscriptionAvailable?: boolean;
  readonly reasonString?: string;
}

/** The answer to CONNECT. */
interface MqttConnackPacket {
  readonly cmd: 'connack';
  readonly sessionPresent: boolean;
  /** MQTT 5. */
  readonly reasonCode?: MqttReason;
  /** 3.1.1: 0 accepted, 1 version, 2 client id, 3 unavailable, 4 user or password, 5 not authorised. */
  readonly returnCode?: number;
  readonly properties?: MqttConnackProperties;
}

/** A message, in either direction. */
export interface MqttPublishPacket {
  readonly cmd: 'publish';
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: MqttQos;
  readonly dup: boolean;
  readonly retain: boolean;
  readonly messageId?: number;
  readonly properties?: MqttPublishProperties;
}

/** The steps of QoS 1 and 2. */
export interface MqttConfirmPacket {
  readonly cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';
  readonly messageId: number;
  readonly reasonCode?: MqttReason;
  readonly properties?: { readonly reasonString?: string };
}

/** One wish of a SUBSCRIBE. */
export interface MqttSubscription {
  readonly topic: string;
  readonly qos: MqttQos;
  /** No local: nothing that this client published itself. */
  readonly nl?: boolean;
  /** Retain as published: the flag as the publisher had it. */
  readonly rap?: boolean;
  /** Retain handling: what is retained is sent always (0), for a new subscription (1), never (2). */
  readonly rh?: number;
}

export interface MqttSubscribePacket {
  readonly cmd: 'subscribe';
  readonly messageId: number;
  readonly subscriptions: readonly MqttSubscription[];
  readonly properties?: { readonly subscriptionIdentifier?: number };
}

interface MqttSubackPacket {
  readonly cmd: 'suback';
  readonly messageId: number;
  readonly granted: readonly number[];
}

export interface MqttUnsubscribePacket {
  readonly cmd: 'unsubscribe';
  readonly messageId: number;
  readonly unsubscriptions: readonly string[];
}

interface MqttUnsubackPacket {
  readonly cmd: 'unsuback';
  readonly messageId: number;
  readonly granted: readonly number[];
}

interface MqttPingPacket {
  readonly cmd: 'pingreq' | 'pingresp';
}

export interface MqttDisconnectPacket {
  readonly cmd: 'disconnect';
  readonly reasonCode?: MqttReason;
  readonly properties?: { readonly sessionExpiryInterval?: number; readonly reasonString?: string };
}

interface MqttAuthPacket {
  readonly cmd: 'auth';
  readonly reasonCode?: MqttReason;
}

/** Every packet that a server hears or sends, told apart by `cmd`. */
export type MqttPacket =
  | MqttConnectPacket
  | MqttConnackPacket
  | MqttPublishPacket
  | MqttConfirmPacket
  | MqttSubscribePacket
  | MqttSubackPacket
  | MqttUnsubscribePacket
  | MqttUnsubackPacket
  | MqttPingPacket
  | MqttDisconnectPacket
  | MqttAuthPacket;
